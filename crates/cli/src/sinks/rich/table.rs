//! Columns that line up, and tables beside each other.

use super::Line;

/// The narrowest a name is cut to.
const LEAST: usize = 8;
/// Blanks between columns.
const GAP: usize = 2;

/// Rows of cells: the first column at the left, cut where there is no room; the others at the right.
pub(super) fn table(rows: Vec<Vec<Line>>, room: usize) -> Vec<Line> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|column| {
            rows.iter().filter_map(|row| row.get(column)).map(Line::width).max().unwrap_or(0)
        })
        .collect();
    let figures: usize = widths.iter().skip(1).map(|width| width + GAP).sum();
    let first = widths.first().copied().unwrap_or(0).min(room.saturating_sub(figures).max(LEAST));
    rows.into_iter()
        .map(|row| {
            let mut line = Line::new();
            let mut end = first;
            for (column, cell) in row.into_iter().enumerate() {
                if column == 0 {
                    line = cell.cut(first);
                    continue;
                }
                end += GAP + widths.get(column).copied().unwrap_or(0);
                let start = end - cell.width();
                line = line.at(start).line(cell);
            }
            line
        })
        .collect()
}

/// Blocks of lines beside each other, each in `width` columns.
pub(super) fn beside(blocks: Vec<Vec<Line>>, width: usize) -> Vec<Line> {
    let height = blocks.iter().map(Vec::len).max().unwrap_or(0);
    let mut lines = vec![Line::new(); height];
    for (index, block) in blocks.into_iter().enumerate() {
        let start = index * (width + GAP);
        for (line, cell) in lines.iter_mut().zip(block) {
            *line = std::mem::take(line).at(start).line(cell.cut(width));
        }
    }
    lines
}

/// How wide each of `count` blocks may be.
pub(super) const fn share(room: usize, count: usize) -> usize {
    (room + GAP) / count - GAP
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<Line> {
        cells.iter().map(|cell| Line::new().text(cell)).collect()
    }

    #[test]
    fn figures_line_up_at_the_right() {
        let rows = vec![row(&["a.service", "1 %"]), row(&["統一碼統一碼.service", "100 %"])];
        let lines: Vec<String> = table(rows, 20).iter().map(Line::plain).collect();
        assert_eq!(lines, ["a.service        1 %", "統一碼統一碼…  100 %"]);
    }

    #[test]
    fn blocks_stand_beside_each_other() {
        let blocks = vec![row(&["a", "b"]), row(&["c"])];
        let lines: Vec<String> = beside(blocks, share(10, 2)).iter().map(Line::plain).collect();
        assert_eq!(lines, ["a     c", "b"]);
    }
}
