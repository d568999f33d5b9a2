//! `rollcall simulator`: a WhatsApp to try things against.

use chassis::{ConfigProblems, Ctx};

/// Runs until told to end.
pub(crate) async fn run(args: ::simulator::Args, ctx: Ctx) -> anyhow::Result<()> {
    match ::simulator::run(args, ctx.shutdown).await {
        Err(::simulator::Error::Configuration { problems }) => Err(ConfigProblems(problems).into()),
        ended => Ok(ended?),
    }
}
