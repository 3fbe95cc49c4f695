"""Replacing recordings so that nothing is ever lost: places · records · journal · swap · entries · side files."""
