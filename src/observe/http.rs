//! `/metrics`, `/healthz` and `/readyz` for Prometheus and orchestrators.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::quarantine::HeldTally;

use super::{
    ContentMemory, Observatory, PartnerTally, PolicyState, QueueState, SpoolState, TlsWaits,
};

/// What only the gateway can say, asked at each scrape and probe.
pub trait Probes: Send + Sync + 'static {
    fn queue(&self) -> QueueState;
    fn spool(&self) -> SpoolState;
    /// What is held, in numbers.
    fn quarantine(&self) -> HeldTally;
    /// What waits for TLS that cannot be had.
    fn tls_waits(&self) -> TlsWaits;
    /// How many clients are shut out for failing to authenticate.
    fn clients_shut_out(&self) -> usize;
    /// Processes that read documents.
    fn reader_processes(&self) -> usize;
    /// How the approved domains stood when they were last looked at.
    fn partners(&self) -> PartnerTally;
    /// What messages that are coming in hold.
    fn content_memory(&self) -> ContentMemory;
    /// Which policies decide, wait and were refused, and what of them runs out.
    fn policy(&self) -> PolicyState;
    /// Why the gateway should be sent no mail now; nothing if it should.
    fn unready(&self) -> Option<String>;
}

/// Serves until `stop`.
pub async fn serve(
    listener: TcpListener,
    observatory: Arc<Observatory>,
    probes: Arc<dyn Probes>,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let doors = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state((observatory, probes));
    axum::serve(listener, doors).with_graceful_shutdown(stop.cancelled_owned()).await
}

type Doors = (Arc<Observatory>, Arc<dyn Probes>);

async fn metrics(State((observatory, probes)): State<Doors>) -> Response {
    observatory.metrics().set_clients_shut_out(probes.clients_shut_out());
    observatory.metrics().set_partners(probes.partners());
    observatory.metrics().set_content_memory(probes.content_memory());
    observatory.metrics().set_reader_processes(probes.reader_processes());
    observatory.metrics().set_tls_waits(probes.tls_waits());
    observatory.metrics().set_spool(probes.spool());
    observatory.metrics().set_quarantine(&probes.quarantine());
    observatory.metrics().set_audit(observatory.audit().state());
    observatory.metrics().set_policy(&probes.policy());
    match observatory.metrics().render(probes.queue()) {
        Ok(exposition) => ([(header::CONTENT_TYPE, EXPOSITION)], exposition).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn ready(State((_, probes)): State<Doors>) -> Response {
    match probes.unready() {
        None => "ready\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";
