"""From a package to the chaincode it holds.

Two packages may bring different versions of one module. So a package whose sources are not those
that are installed here is imported beside them: its modules are found in the package while it is
imported, and forgotten by the import system afterwards. Its classes live on in the chaincode alone.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

from tallystick.chaincode.contract import Contract
from tallystick.chaincode.contract_chaincode import ContractChaincode
from tallystick.chaincode.errors import ContractDefinitionError
from tallystick.chaincode.package import PYTHON, ChaincodePackage, PackageError
from tallystick.chaincode.source_tree import find_spec, module_name


def load_chaincode(package: ChaincodePackage) -> ContractChaincode:
    """Return the chaincode that the package's entry names: a contract class or a chaincode object.

    Raises:
        PackageError: The package is not Python, or its entry cannot be imported or served.
    """
    if package.type != PYTHON:
        raise PackageError(f"{package.package_id} is of type {package.type}, not {PYTHON}")
    module_path, _, name = package.entry.partition(":")
    sources = {
        module_name(path): (path, content)
        for path, content in package.sources.items()
        if path.endswith(".py")
    }
    try:
        if _are_installed(sources):
            module = importlib.import_module(module_path)
        else:
            module = _import_isolated(module_path, package.package_id, sources)
    except (Exception, SystemExit) as error:
        problem = f"{package.package_id}: {import_failure(module_path, error)}"
        raise PackageError(problem) from error
    if not hasattr(module, name):
        raise PackageError(f"{package.package_id}: module {module_path} has no {name}")
    return _chaincode_of(package, getattr(module, name))


def import_failure(module: str, error: BaseException) -> str:
    """Return words for what a module raised while it was imported."""
    return f"importing {module} failed with {type(error).__name__}: {error}"


def making_failure(entry: str, error: BaseException) -> str:
    """Return words for what a contract class raised while it was called."""
    return f"making {entry} failed with {type(error).__name__}: {error}"


def _chaincode_of(package: ChaincodePackage, target: object) -> ContractChaincode:
    if isinstance(target, type) and issubclass(target, Contract):
        try:
            return ContractChaincode(target())
        except ContractDefinitionError as error:
            raise PackageError(f"{package.package_id}: {error}") from error
        except Exception as error:
            problem = f"{package.package_id}: {making_failure(package.entry, error)}"
            raise PackageError(problem) from error
    if isinstance(target, ContractChaincode):
        return target
    raise PackageError(
        f"{package.package_id}: {package.entry} is neither a Contract class nor a ContractChaincode"
    )


_Sources = Mapping[str, tuple[str, bytes]]  # path and content by module name


def _are_installed(sources: _Sources) -> bool:
    return all(_installed_source(name) == content for name, (_, content) in sources.items())


def _installed_source(name: str) -> bytes | None:
    spec = find_spec(name)
    if spec is None or not spec.has_location or spec.origin is None:
        return None
    return Path(spec.origin).read_bytes()


def _import_isolated(module: str, package_id: str, sources: _Sources) -> ModuleType:
    finder = _PackageFinder(package_id, sources)
    with _without_modules(finder.names):
        sys.meta_path.insert(0, finder)
        try:
            return importlib.import_module(module)
        finally:
            sys.meta_path.remove(finder)


@contextmanager
def _without_modules(names: frozenset[str]) -> Iterator[None]:
    """Hide the modules of these names during the block; afterwards the world is as before."""
    shared = {name for name in names if _is_namespace(sys.modules.get(name))}
    hidden = {name: sys.modules.pop(name) for name in names - shared if name in sys.modules}
    try:
        yield
    finally:
        for name in names - shared:
            _forget(name)
        for name, module in hidden.items():
            sys.modules[name] = module
            parent, _, child = name.rpartition(".")
            if parent in sys.modules:
                setattr(sys.modules[parent], child, module)


def _is_namespace(module: ModuleType | None) -> bool:
    return module is not None and getattr(module, "__file__", None) is None


def _forget(name: str) -> None:
    module = sys.modules.pop(name, None)
    parent, _, child = name.rpartition(".")
    if parent in sys.modules and getattr(sys.modules[parent], child, None) is module:
        vars(sys.modules[parent]).pop(child, None)


class _PackageFinder(MetaPathFinder, InspectLoader):
    """Finds and loads the modules of one package, and no others."""

    def __init__(self, package_id: str, sources: _Sources) -> None:
        self._package_id = package_id
        self._sources = sources
        self.names = frozenset(
            ".".join(parts[:length])
            for parts in (name.split(".") for name in sources)
            for length in range(1, len(parts) + 1)
        )

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 -- the import system passes it
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Return the spec of a packaged module, or of a folder that holds some."""
        if fullname not in self.names:
            return None
        if fullname not in self._sources:
            return ModuleSpec(fullname, None, is_package=True)
        return ModuleSpec(
            fullname, self, origin=self._origin(fullname), is_package=self.is_package(fullname)
        )

    def is_package(self, fullname: str) -> bool:
        """Return whether the module is a package's ``__init__``."""
        return self._sources[fullname][0].endswith("__init__.py")

    def get_source(self, fullname: str) -> str:
        """Return the text of a packaged module; tracebacks show it too."""
        return importlib.util.decode_source(self._sources[fullname][1])

    def get_code(self, fullname: str) -> CodeType:
        """Return the compiled module; its file name tells which package it is of."""
        return self.source_to_code(self._sources[fullname][1], self._origin(fullname))

    def _origin(self, fullname: str) -> str:
        return f"<{self._package_id}>/{self._sources[fullname][0]}"
