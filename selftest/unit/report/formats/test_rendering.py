"""All that comes from a database is escaped by the templates."""

from pathlib import Path

import jinja2
import pytest

from postmigration.report.formats import rendering


def test_values_are_escaped_for_html(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.html").write_text("<b>{{ text }}</b> {{ number | thousands }}\n{% if text %}\n  {% endif %}end")
    monkeypatch.setattr(rendering._ENVIRONMENT, "loader", jinja2.FileSystemLoader(tmp_path))
    assert rendering.render("x.html", text="<i>&\"'", number=1_200) == "<b>&lt;i&gt;&amp;&#34;&#39;</b> 1,200\nend"
    with pytest.raises(jinja2.UndefinedError, match="'text' is undefined"):
        rendering.render("x.html", number=1)


def test_each_template_can_be_read() -> None:
    names = [path.name for path in rendering.DIRECTORY.glob("*.html")]
    assert {"report.html", "check.html"} <= set(names)
    for name in names:
        rendering._ENVIRONMENT.get_template(name)
