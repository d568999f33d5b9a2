//! The live picture: redrawn in place on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal as _, Write as _};

use crossterm::{
    QueueableCommand as _,
    cursor::MoveToPreviousLine,
    terminal::{Clear, ClearType},
};

/// What is shown at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Picture {
    pub(crate) seconds: u64,
    pub(crate) groups: usize,
    pub(crate) members: usize,
    pub(crate) events_per_second: f64,
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    pub(crate) found: u64,
    pub(crate) repaired: u64,
    pub(crate) agreeing: usize,
    pub(crate) compared: usize,
}

/// Where pictures are drawn.
#[derive(Debug)]
pub(crate) struct Screen {
    is_terminal: bool,
    drawn_lines: u16,
}

impl Screen {
    pub(crate) fn new() -> Self {
        Self {
            is_terminal: io::stdout().is_terminal(),
            drawn_lines: 0,
        }
    }

    /// Draws; a screen that went away is no reason to end.
    pub(crate) fn draw(&mut self, picture: &Picture) {
        let text = if self.is_terminal {
            tall(picture)
        } else {
            flat(picture)
        };
        let mut out = io::stdout().lock();
        let _ = (|| {
            if self.is_terminal && self.drawn_lines > 0 {
                out.queue(MoveToPreviousLine(self.drawn_lines))?
                    .queue(Clear(ClearType::FromCursorDown))?;
            }
            out.write_all(text.as_bytes())?;
            out.flush()
        })();
        self.drawn_lines = u16::try_from(text.lines().count()).unwrap_or(0);
    }
}

fn flat(picture: &Picture) -> String {
    let Picture {
        seconds,
        groups,
        members,
        events_per_second,
        sent,
        lost,
        found,
        repaired,
        agreeing,
        compared,
    } = picture;
    format!(
        "{seconds:>4} s  {groups} groups  {members} members  {events_per_second:.0} events/s  {sent} sent  {lost} lost  \
         {found} differences found  {repaired} repaired  {agreeing}/{compared} groups agree\n"
    )
}

fn tall(picture: &Picture) -> String {
    const WIDTH: usize = 40;
    let Picture {
        seconds,
        groups,
        members,
        events_per_second,
        sent,
        lost,
        found,
        repaired,
        agreeing,
        compared,
    } = picture;
    let full = (agreeing * WIDTH).checked_div(*compared).unwrap_or(0);
    let bar: String = (0..WIDTH)
        .map(|place| if place < full { '█' } else { '·' })
        .collect();
    format!(
        "  Rollcall, {seconds} s\n\
         \n  groups        {groups:>8}      members        {members:>8}\
         \n  events/s      {events_per_second:>8.1}      webhook events {sent:>8}\
         \n  lost          {lost:>8}      differences    {found:>8}  found\
         \n                              groups         {repaired:>8}  repaired\
         \n\n  agreement     {bar}  {agreeing} of {compared}\n"
    )
}
