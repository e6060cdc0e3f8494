from seg6b.gates.encoding import from_json
from seg6b.render.report_files import gateboard_markdown, gateboard_name, write_reports
from tests.render.synthetic import RUN_ID, board_data, gate_board, receipt


def test_three_forms_under_the_plans_names(tmp_path):
    paths = write_reports(board_data(), tmp_path)
    assert [p.name for p in paths] == [f"segment6b_p0_realism_gateboard_{RUN_ID}.{x}" for x in ("json", "md", "html")]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_json_is_the_board(tmp_path):
    board = from_json(write_reports(board_data(), tmp_path)[0].read_text(encoding="utf-8"))
    assert {k: g.value for k, g in board.gates.items()} == {k: g.value for k, g in gate_board().gates.items()}
    assert board.verdict == "PASS_BPLUS"


def test_markdown_has_a_row_a_gate():
    lines = gateboard_markdown(board_data()).splitlines()
    assert lines[0] == "# Segment 6B gateboard: PASS_BPLUS"
    assert sum(line.startswith("| T") for line in lines) == 22
    assert (
        "| T5 | V(bank outcome, merchant class) | 0.09271 | [0.0871, 0.0983] | PASS (&gt;= 0.05) | +0.04271 | PASS (&gt;= 0.08) | +0.01271 | S4 | 211,200 |"
        in lines
    )


def test_markdown_escapes():
    text = gateboard_markdown(board_data(receipt=receipt(lane="a|b <script>"), notes=("x\n# y",)))
    assert "lane a\\|b &lt;script&gt;," in text
    assert "x # y" in text


def test_phase_is_part_of_the_name():
    assert gateboard_name(RUN_ID, "json", "p3") == f"segment6b_p3_realism_gateboard_{RUN_ID}.json"
