//! Where the panes are, for a size of the terminal.
//!
//! `update` asks it for page sizes and for what the mouse hit, `ui` for where to draw, so that both always agree. Pure.

use ratatui::layout::{Position, Rect};

use super::view::Pane;

/// The smallest terminal that shows anything: columns, rows.
pub const SMALLEST: (u16, u16) = (40, 10);
/// The smallest terminal that shows two panes at once.
const TWO_PANES: (u16, u16) = (60, 16);
/// The smallest terminal that has borders and a detail pane.
const BORDERS: (u16, u16) = (90, 22);

/// How the panes are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Nothing but a line that says so.
    TooSmall,
    /// One pane at a time.
    Single,
    /// The services above, the focused other pane below, no borders.
    Stacked,
    /// Services and detail on the left, tabs on the right, with borders.
    Wide,
}

/// What decides the arrangement, apart from the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The focused pane.
    pub focus: Pane,
    /// It takes the whole screen.
    pub zoomed: bool,
    /// How many services the list has.
    pub services: usize,
    /// Whether a notice is shown.
    pub notice: bool,
}

/// The areas of one frame. An area that is not shown is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// The whole terminal.
    pub screen: Rect,
    /// How the panes are arranged.
    pub layout: Layout,
    /// The first line.
    pub header: Rect,
    /// The service list with its border.
    pub services: Rect,
    /// The facts of the selected service with their border.
    pub detail: Rect,
    /// The tabs' pane with its border.
    pub main: Rect,
    /// The line above the keys.
    pub notice: Rect,
    /// The last line.
    pub keys: Rect,
}

impl Geometry {
    /// The areas for a terminal of this size.
    pub fn new(width: u16, height: u16, wanted: Wanted) -> Self {
        let screen = Rect::new(0, 0, width, height);
        let none = Rect::default();
        let mut geometry = Self {
            screen,
            layout: Layout::TooSmall,
            header: none,
            services: none,
            detail: none,
            main: none,
            notice: none,
            keys: none,
        };
        if width < SMALLEST.0 || height < SMALLEST.1 {
            return geometry;
        }
        let notice = u16::from(wanted.notice);
        geometry.header = Rect { height: 1, ..screen };
        geometry.keys = Rect { y: height - 1, height: 1, ..screen };
        geometry.notice = Rect { y: height - 1 - notice, height: notice, ..screen };
        let body = Rect { y: 1, height: height - 2 - notice, ..screen };
        geometry.arrange(body, wanted);
        geometry
    }

    fn arrange(&mut self, body: Rect, wanted: Wanted) {
        let (width, height) = (self.screen.width, self.screen.height);
        self.layout = if width < TWO_PANES.0 || height < TWO_PANES.1 {
            Layout::Single
        } else if width < BORDERS.0 || height < BORDERS.1 {
            Layout::Stacked
        } else {
            Layout::Wide
        };
        if wanted.zoomed || self.layout == Layout::Single {
            *self.pane_mut(wanted.focus) = body;
        } else if self.layout == Layout::Stacked {
            let rows = u16::try_from(wanted.services).unwrap_or(u16::MAX).clamp(1, body.height / 2 - 1);
            self.services = Rect { height: rows, ..body };
            let below = Rect { y: body.y + rows, height: body.height - rows, ..body };
            *self.pane_mut(if wanted.focus == Pane::Detail { Pane::Detail } else { Pane::Main }) = below;
        } else {
            self.arrange_wide(body, wanted);
        }
    }

    fn arrange_wide(&mut self, body: Rect, wanted: Wanted) {
        /// The list's border and its heading.
        const LIST_FRAME: u16 = 3;
        /// Fewer rows than this say too little of a service.
        const LEAST_DETAIL: u16 = 7;
        let left = (body.width * 2 / 5).clamp(44, 72);
        let column = Rect { width: left, ..body };
        self.main = Rect { x: body.x + left, width: body.width - left, ..body };
        let rows = u16::try_from(wanted.services.max(1)).unwrap_or(u16::MAX).saturating_add(LIST_FRAME);
        let most =
            if wanted.focus == Pane::Detail { body.height / 2 } else { (body.height * 2 / 3).max(LIST_FRAME + 1) };
        let rows = rows.min(most);
        if body.height - rows < LEAST_DETAIL {
            self.services = column;
        } else {
            self.services = Rect { height: rows, ..column };
            self.detail = Rect { y: column.y + rows, height: column.height - rows, ..column };
        }
    }

    fn pane_mut(&mut self, pane: Pane) -> &mut Rect {
        match pane {
            Pane::Services => &mut self.services,
            Pane::Detail => &mut self.detail,
            Pane::Main => &mut self.main,
        }
    }

    /// The area of a pane with its border; empty when it is not shown.
    pub fn pane(&self, pane: Pane) -> Rect {
        match pane {
            Pane::Services => self.services,
            Pane::Detail => self.detail,
            Pane::Main => self.main,
        }
    }

    /// The area inside a pane's border and heading: what its rows may use.
    pub fn content(&self, pane: Pane) -> Rect {
        let area = self.pane(pane);
        if area.is_empty() {
            return area;
        }
        let (top, sides) = match (self.layout, pane) {
            (Layout::Wide, Pane::Services) => (2, 1),
            (Layout::Wide, _) => (1, 1),
            (_, Pane::Services) => (0, 0),
            (_, _) => (1, 0),
        };
        let bottom = u16::from(self.layout == Layout::Wide);
        Rect {
            x: area.x + sides,
            y: (area.y + top).min(area.bottom()),
            width: area.width.saturating_sub(2 * sides),
            height: area.height.saturating_sub(top + bottom),
        }
    }

    /// The panes that are shown.
    pub fn shown(&self) -> impl Iterator<Item = Pane> {
        [Pane::Services, Pane::Detail, Pane::Main].into_iter().filter(|pane| !self.pane(*pane).is_empty())
    }

    /// The pane at a place of the screen.
    pub fn hit(&self, column: u16, row: u16) -> Option<Pane> {
        self.shown().find(|pane| self.pane(*pane).contains(Position::new(column, row)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wanted(focus: Pane) -> Wanted {
        Wanted { focus, zoomed: false, services: 5, notice: false }
    }

    fn check(size: (u16, u16), focus: Pane, layout: Layout, shown: &[Pane]) {
        let geometry = Geometry::new(size.0, size.1, wanted(focus));
        assert_eq!((geometry.layout, geometry.shown().collect::<Vec<_>>()), (layout, shown.to_vec()), "{size:?}");
    }

    #[test]
    fn panes_go_as_the_terminal_shrinks() {
        use Pane::*;
        check((160, 48), Services, Layout::Wide, &[Services, Detail, Main]);
        check((100, 30), Services, Layout::Wide, &[Services, Detail, Main]);
        check((60, 16), Services, Layout::Stacked, &[Services, Main]);
        check((60, 16), Detail, Layout::Stacked, &[Services, Detail]);
        check((59, 16), Services, Layout::Single, &[Services]);
        check((40, 10), Main, Layout::Single, &[Main]);
        check((39, 10), Main, Layout::TooSmall, &[]);
    }

    proptest! {
        #[test]
        fn areas_stay_on_the_screen_and_apart(
            width in 0u16..300, height in 0u16..120, services in 0usize..2000, notice: bool, zoomed: bool, focus in 0usize..3
        ) {
            let focus = [Pane::Services, Pane::Detail, Pane::Main][focus];
            let geometry = Geometry::new(width, height, Wanted { focus, zoomed, services, notice });
            let areas = [geometry.header, geometry.services, geometry.detail, geometry.main, geometry.notice, geometry.keys];
            for (index, area) in areas.iter().enumerate() {
                prop_assert!(area.is_empty() || geometry.screen.union(*area) == geometry.screen);
                for other in &areas[index + 1..] {
                    prop_assert!(area.is_empty() || other.is_empty() || !area.intersects(*other));
                }
            }
            if geometry.layout != Layout::TooSmall {
                prop_assert!(!geometry.pane(focus).is_empty() || (focus == Pane::Detail && geometry.layout == Layout::Wide));
                for pane in geometry.shown() {
                    let (content, area) = (geometry.content(pane), geometry.pane(pane));
                    prop_assert!(content.is_empty() || area.union(content) == area);
                }
            }
        }
    }
}
