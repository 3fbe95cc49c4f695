"""A contract for import-linter: the named packages import nothing but the standard library (and plexcut itself)."""

from __future__ import annotations

import sys
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyStandardLibrary(Contract):
    """Forbids direct imports of installed packages; what plexcut's modules import of each other the layers say.

    Options:
        modules: packages whose modules are checked.
    """

    type_name = "only_standard_library"

    modules = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Collect the imports that break the rule, with their lines."""
        found: list[str] = []
        for package in cast("list[str]", self.modules):
            for module in sorted({package} | graph.find_descendants(package)):
                for imported in sorted(graph.find_modules_directly_imported_by(module)):
                    top = imported.split(".")[0]
                    if top == "plexcut" or top in sys.stdlib_module_names:
                        continue
                    details = graph.get_import_details(importer=module, imported=imported)
                    found.extend(f"{module} -> {imported} (l. {detail['line_number']})" for detail in details)
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one line for each import that breaks the rule."""
        for line in check.metadata["found"]:
            output.print_error(f"- {line}", bold=False)
