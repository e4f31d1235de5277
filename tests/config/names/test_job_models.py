"""A sweep has a job for each model or list of models, with the overrides that concern it."""

from __future__ import annotations

from evalharness.config import plan_job_models


def test_each_name_is_a_job_of_its_own_unless_brackets_hold_several():
    """As `-m` has it."""
    alone = plan_job_models("vicuna-13b,gpt-4.1")
    together = plan_job_models("[vicuna-13b,gpt-4.1],[alpaca-7b]")

    assert [job.value for job in alone] == ["vicuna-13b", "gpt-4.1"]
    assert [job.value for job in together] == ["vicuna-13b,gpt-4.1", "alpaca-7b"]


def test_each_checkpoint_is_a_job(tmp_path, monkeypatch):
    """In natural order; their labels are parts of paths."""
    monkeypatch.chdir(tmp_path)
    for number in (10, 9):
        (tmp_path / f"out/checkpoint-{number}").mkdir(parents=True)
        (tmp_path / f"out/checkpoint-{number}/config.json").write_text("{}")

    jobs = plan_job_models("./out/checkpoint-*?temperature=0")

    assert [job.value for job in jobs] == [
        "./out/checkpoint-9?temperature=0",
        "./out/checkpoint-10?temperature=0",
    ]
    assert jobs[0].label == "out+checkpoint-9+temperature+0"


def test_a_job_has_no_overrides_of_other_models():
    """Their keys would be unknown there."""
    overrides = [
        "models.gpt-4.1.system=a",
        "+models.openai/zz.1.system=b",
        "models.openai/zz.1?seed=1.system=c",
        "judge=scripted",
    ]
    one, other, third = plan_job_models("gpt-4_1,openai/zz.1,openai/zz.1?seed=1")

    assert one.select_overrides(overrides) == [overrides[0], "judge=scripted"]
    assert other.select_overrides(overrides) == [overrides[1], "judge=scripted"]
    assert third.select_overrides(overrides) == [overrides[2], "judge=scripted"]


def test_a_job_renames_what_the_whole_run_calls_by_a_longer_name():
    """The answers of all jobs are merged by the names in tables."""
    (job,) = plan_job_models("openai/zz")

    assert job.list_renamed({"openai_zz": "openai/zz"}) == {"openai_zz": "openai/zz"}
    assert job.list_renamed({"openai_zz": "zz"}) == {}
