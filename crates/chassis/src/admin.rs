//! The admin server: `/livez`, `/readyz`, `/metrics`, on a port of its own.

use std::net::SocketAddr;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use clap::Args;
use prometheus_client::{
    metrics::gauge::Gauge,
    registry::{Registry, Unit},
};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::{self, Access, AccessArgs, Role, Tokens},
    clock::Clock,
    config::ConfigProblems,
    health::{Health, Report},
    http::{self, Limits},
    limits,
    metrics::{self, Metrics},
    process::Ctx,
    tls::Tls,
};

/// Options of the admin server.
///
/// The default port is one service's; another one changes it where it flattens this:
/// `#[command(mut_arg("admin_listen", |arg| arg.default_value("127.0.0.1:9091")))]`.
#[derive(Args, Clone, Copy, Debug)]
pub struct AdminArgs {
    /// Where /livez, /readyz and /metrics listen; port 0 picks a free one
    #[arg(
        long,
        env = "ROLLCALL_ADMIN_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:9090"
    )]
    pub admin_listen: SocketAddr,

    /// Serve /metrics without a token, also where tokens are configured
    #[arg(long, env = "ROLLCALL_METRICS_OPEN")]
    pub metrics_open: bool,
}

impl AdminArgs {
    /// Notes a problem if /metrics would be open to others without anyone having said so.
    pub fn check(&self, access: &AccessArgs, problems: &mut ConfigProblems) {
        let Self {
            admin_listen,
            metrics_open,
        } = *self;
        let guarded = access.accept_tokens_file.is_some() || access.insecure_open;
        if !guarded && !metrics_open && !auth::is_loopback(admin_listen) {
            problems.push(format!(
                "--admin-listen {admin_listen} shows /metrics beyond loopback: \
                 give --accept-tokens-file, or --metrics-open to show them to everyone"
            ));
        }
    }

    fn metrics_access(&self, access: &AccessArgs) -> Access {
        if self.metrics_open {
            Access::Open
        } else {
            access.access()
        }
    }
}

/// An admin server that is bound and not yet serving.
#[derive(Debug)]
pub struct Server {
    listener: http::Listener,
    tls: Option<Tls>,
    certificate_end: Gauge,
    router: Router,
    tokens: Option<Tokens>,
    clock: Clock,
    shutdown: CancellationToken,
}

/// Binds the admin server and prints where it listens. Run what it returns as a task.
///
/// # Errors
/// [`http::Error::Bind`] if the address cannot be had.
pub async fn bind(args: &AdminArgs, access: &AccessArgs, ctx: &Ctx) -> Result<Server, http::Error> {
    let listener = http::bind("--admin-listen", args.admin_listen).await?;
    let listener = listener.with_tls(ctx.tls.clone());
    listener.print("admin");
    let certificate_end = ctx.metrics.register(register);
    certificate_end.set(ctx.tls.as_ref().map_or(0, Tls::not_after));
    Ok(Server {
        listener,
        tls: ctx.tls.clone(),
        certificate_end,
        router: router(&ctx.health, &ctx.metrics, &args.metrics_access(access)),
        tokens: access.accept_tokens_file.clone(),
        clock: ctx.clock.clone(),
        shutdown: ctx.shutdown.clone(),
    })
}

fn register(registry: &mut Registry) -> Gauge {
    let end = Gauge::default();
    registry.register_with_unit(
        "tls_certificate_expiry_timestamp",
        "When the certificate of the listeners ends, in seconds since 1970; 0 without TLS",
        Unit::Seconds,
        end.clone(),
    );
    end
}

impl Server {
    /// Where it listens, with the port it got.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Serves until shutdown, and reads the file of tokens and the certificate again meanwhile,
    /// for all listeners of the process.
    ///
    /// # Errors
    /// None today; the type is what a task returns.
    pub async fn run(self) -> Result<(), http::Error> {
        let Self {
            listener,
            tls,
            certificate_end,
            router,
            tokens,
            clock,
            shutdown,
        } = self;
        let serve = http::serve(listener, router, Limits::STANDARD, shutdown.clone());
        let reload_tokens = async {
            if let Some(tokens) = tokens {
                tokens.reload(clock.clone(), shutdown.clone()).await;
            }
        };
        let renewed = |tls: &Tls| {
            certificate_end.set(tls.not_after());
        };
        let reload_certificate = async {
            if let Some(tls) = tls {
                tls.reload(clock.clone(), shutdown.clone(), renewed).await;
            }
        };
        tokio::join!(serve, reload_tokens, reload_certificate);
        Ok(())
    }
}

/// The routes of the admin server; `metrics_access` guards `/metrics`, nothing the probes.
pub fn router(health: &Health, metrics: &Metrics, metrics_access: &Access) -> Router {
    let guarded = Router::new()
        .route("/metrics", get(show_metrics))
        .with_state(metrics.clone());
    let guarded = auth::protect(guarded, metrics_access, Role::Read);
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .with_state(health.clone())
        .merge(guarded);
    http::with_timeout(http::with_fallbacks(router), limits::REQUEST)
}

async fn livez(State(health): State<Health>) -> Response {
    report(health.live())
}

async fn readyz(State(health): State<Health>) -> Response {
    report(health.ready())
}

fn report(report: Report) -> Response {
    let status = if report.ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report)).into_response()
}

async fn show_metrics(State(metrics): State<Metrics>) -> Response {
    let content_type = [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)];
    (content_type, metrics.encode()).into_response()
}
