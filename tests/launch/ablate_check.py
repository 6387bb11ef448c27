"""What a printed table must say, worked out anew: from the table's data file, its config and the evaluations
of its runs. Used by ablate.py beside this file and by tests/trainer/table_rows.py."""
import csv
import json
import math
import os
import re
import statistics

import yaml


def texts(path):
    """The data file with all its numbers as they stand there: 94.80 is not 94.8."""
    with open(path) as file:
        return yaml.load(file, Loader=yaml.BaseLoader)


def name_of(table):
    folder, name = os.path.split(os.path.abspath(table))
    return f"{os.path.basename(folder)}.{name[:-5]}"


def number_in(tree, name):
    """The value of a dotted name."""
    for word in name.split("."):
        tree = tree.get(word) if isinstance(tree, dict) else None
    return tree


class Expected:
    """The cells of a table: by line and column the values of all seeds that there are, and the print."""

    def __init__(self, table, out, seeds, is_finished=lambda run: True):
        folder, name = os.path.split(table)
        self.data = texts(os.path.join(folder, "printed", name))
        self.name = name_of(table)
        self.columns, self.lines = self.data["columns"], self.data["rows"]
        self.cells = {}
        for i, line in enumerate(self.lines):
            for j, column in enumerate(self.columns):
                values = []
                row = line.get("row", "").replace("*", column.get("variant", ""))
                for seed in seeds if row else ():
                    run = os.path.join(out, self.name, f"{row}.seed{seed}")
                    head = f".task{line['head']}" if "head" in line else ""
                    path = os.path.join(run, "eval", f"test.{column['list']}{head}.json")
                    if os.path.exists(path) and is_finished(run):
                        with open(path) as file:
                            value = number_in(json.load(file), column["metric"])
                        if value is not None:
                            values.append(value * (1 if self.data.get("unit") == "fraction" else 100))
                self.cells[i, j] = (row, values, line["printed"][j])

    def text(self, i, j, plus_minus=" ± "):
        """A cell as it is printed."""
        _, values, printed = self.cells[i, j]
        decimals = int(self.data.get("decimals", 2))
        parts = []
        if len(values) > 1:
            parts.append(f"{statistics.fmean(values):.{decimals}f}{plus_minus}{statistics.stdev(values):.{decimals}f}")
        elif values:
            parts.append(f"{values[0]:.{decimals}f}")
        if printed not in ("~", "-"):
            parts.append(f"({printed})")
        return " ".join(parts) if parts or printed != "-" else "-"


def close(text, wanted):
    """Equal texts, where the last digit of our own numbers may be off by one: halves are rounded there."""
    if text == wanted:
        return True
    numbers = re.compile(r"\d+\.\d+")
    if numbers.sub("#", text) != numbers.sub("#", wanted):
        return False
    pairs = list(zip(numbers.findall(text), numbers.findall(wanted)))
    return all(abs(float(a) - float(b)) <= 1.01 * 10.0 ** -len(b.split(".")[1]) for a, b in pairs)


def markdown_cells(path):
    with open(path) as file:
        lines = [line.strip() for line in file if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return rows[0], rows[2:]


def latex_cells(path):
    with open(path) as file:
        text = "".join(line for line in file if not line.startswith("%"))
    body = text[text.index("\\begin{tabular}"):text.index("\\end{tabular}")]
    body = body[body.index("\n"):]
    rows = [row.replace("\\hline", "").strip() for row in body.split("\\\\")]
    plain = (("$\\pm$", "±"), ("$^\\dagger$", " †"), ("$\\surd$", "✓"), ("\\%", "%"), ("\\#", "#"), ("\\_", "_"),
             ("\\&", "&"), ("\\$", "$"), ("\\{", "{"), ("\\}", "}"))
    cells = []
    for row in rows:
        if row and "\\multicolumn" not in row:
            parts = [part.strip() for part in re.split(r"(?<!\\)&", row)]
            for latex, word in plain:
                parts = [part.replace(latex, word) for part in parts]
            cells.append(parts)
    return cells[0], cells[1:]


def csv_rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def check_table(check, out, expected, left_out=()):
    """The three files say what EXPECTED does; LEFT_OUT are numbers of columns that may not be shown."""
    base = os.path.join(out, expected.name)
    shown = [j for j in range(len(expected.columns)) if j not in left_out]
    n_labels = len(expected.data["labels"])
    heading, lines = markdown_cells(base + ".md")
    wanted = [(c.get("group", "") + " " + c["name"]).strip() for c in (expected.columns[j] for j in shown)]
    check(heading[n_labels:] == wanted, f"{base}.md has the columns {heading}, wanted {wanted}")
    check(len(lines) == len(expected.lines), f"{base}.md has {len(lines)} lines, wanted {len(expected.lines)}")
    _, tex = latex_cells(base + ".tex")
    check(len(tex) == len(lines), f"{base}.tex has {len(tex)} lines, wanted {len(lines)}")
    n_numbers = 0
    for i, line in enumerate(lines):
        is_printed = not expected.lines[i].get("row")
        check(line[n_labels - 1].endswith("†") == is_printed, f"{base}.md: the mark of '{line[:n_labels]}'")
        for k, j in enumerate(shown):
            wanted = expected.text(i, j)
            check(close(line[n_labels + k], wanted), f"{base}.md, line {i}, column {j}: '{line[n_labels + k]}', "
                  f"wanted '{wanted}'")
            n_numbers += len(expected.cells[i, j][1])
        check([cell.replace("  ", " ") for cell in tex[i]] == line, f"{base}.tex: {tex[i]}, the page has {line}")
    table = csv_rows(base + ".csv")
    check(len(table) == len(lines) * len(shown), f"{base}.csv has {len(table)} cells")
    for n, cell in enumerate(table):
        row, values, printed = expected.cells[n // len(shown), shown[n % len(shown)]]
        check(cell["row"] == row and int(cell["n"]) == len(values), f"{base}.csv: {cell}, wanted {row}, {values}")
        check(cell["printed"] == ("" if printed == "~" else printed), f"{base}.csv: {cell}, wanted {printed}")
        mean = statistics.fmean(values) if values else None
        sd = statistics.stdev(values) if len(values) > 1 else None
        for name, value in (("mean", mean), ("sd", sd)):
            got = cell[name]
            check((got == "") == (value is None) and
                  (value is None or math.isclose(float(got), value, rel_tol=1e-12, abs_tol=1e-12)),
                  f"{base}.csv: {name} {got}, wanted {value}")
    return n_numbers
