"""Cut lists of other programs, read and written: an adapter of `domain.ports.CutLists`.

One module for a family of formats; which one a file is in is told from its content.
"""

from plexcut.cutlists.files import CutListFiles

__all__ = ["CutListFiles"]
