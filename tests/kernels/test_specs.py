from __future__ import annotations

from dataclasses import replace

from jupyter_client.kernelspec import KernelSpecManager

from dataops_lab.kernels.specs import write_specs
from dataops_lab.testing import person


def test_the_kernel_picker_shows_what_the_environment_allows_and_follows_it(catalogue):
    folder, home = catalogue.home.kernels, catalogue.home.folder
    manager = KernelSpecManager(kernel_dirs=[str(folder)], ensure_native_kernel=False)
    assert not write_specs(catalogue.services, folder, home=home, by=person("someone"))

    image = catalogue.add("bash")
    assert write_specs(catalogue.services, folder, home=home, by=person("someone"))
    assert sorted(manager.find_kernel_specs()) == ["dataops.sandbox.bash.bash", "dataops.sandbox.bash.python3"]
    spec = manager.get_kernel_spec("dataops.sandbox.bash.bash")
    assert spec.display_name == "Bash in bash"
    assert spec.metadata["dataops"]["digest"] == image.digest
    assert not write_specs(catalogue.services, folder, home=home, by=person("someone"))

    catalogue.change(lambda sandbox: replace(sandbox, images=()))
    assert write_specs(catalogue.services, folder, home=home, by=person("someone"))
    assert manager.find_kernel_specs() == {}


def test_nothing_is_authored_in_a_guarded_environment(catalogue):
    catalogue.add("lean")
    catalogue.change(lambda sandbox: replace(sandbox, guarded=True))
    write_specs(catalogue.services, catalogue.home.kernels, home=catalogue.home.folder, by=person("someone"))
    assert list(catalogue.home.kernels.iterdir()) == []
