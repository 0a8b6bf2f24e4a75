//! [`Gateway::handle`] answers a request; [`Gateway::close`] settles it once the body has ended.

mod headers;
mod settle;

use crate::auth;
use crate::config::{Config, ConfigError, LogLevel};
use crate::ctx::Ctx;
use crate::encode;
use crate::endpoint::{self, Call, PendingEntry};
use crate::error::{ApiError, Kind};
use crate::http::{Body, Headers, MAX_FIELDS, Method, Request, Response};
use crate::limits::Reservation;
use crate::log::{Ending, Record};
use crate::router::{ApiFamily, Route, is_passable, passed_path};
use crate::store::Store;
use crate::transport::Transport;
use std::time::Duration;

/// The gateway, ready to answer any number of requests.
pub struct Gateway {
    config: Result<Config, ConfigError>,
}

/// A response, and what is known of how it came about.
pub struct Exchange<B> {
    /// For the caller.
    pub response: Response<B>,
    /// For [`Gateway::close`].
    pub record: OpenRecord,
}

/// What is known of a request whose body has not ended, what is reserved for it, and its answer that is to be kept.
#[derive(Debug)]
pub struct OpenRecord {
    record: Record,
    reservation: Reservation,
    pending_entry: PendingEntry,
}

impl Gateway {
    /// A gateway with the settings among some (name, value) pairs. With a wrong setting it answers every request
    /// with an error that names the setting.
    pub fn new(vars: &[(String, String)]) -> Self {
        Self { config: Config::from_vars(vars) }
    }

    /// A gateway whose settings could not be read, which answers as one with a wrong setting does.
    pub fn misconfigured(error: ConfigError) -> Self {
        Self { config: Err(error) }
    }

    /// Answers a request. Its body is read only once the caller is authenticated, and only as far as needed.
    ///
    /// ```
    /// use portcullis::{ctx::Ctx, gateway::Gateway, http::{Body, Method, Request}, log::Ending};
    /// use std::time::Duration;
    /// # use portcullis::http::{Incoming, ReadError};
    /// # use portcullis::transport::{Answered, Outgoing, Pending, SendError, SendErrorKind, Transport};
    /// # struct Whole(Option<Vec<u8>>);
    /// # impl Incoming for Whole {
    /// #     fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> { Ok(self.0.take()) }
    /// # }
    /// # struct Offline;
    /// # fn offline() -> SendError { SendError { kind: SendErrorKind::Unreachable, reason: "offline".into() } }
    /// # impl Transport for Offline {
    /// #     type Call = ();
    /// #     type Body = Whole;
    /// #     type Upload = Whole;
    /// #     fn start(&self, _: &Outgoing<'_>) -> Result<(), SendError> { Err(offline()) }
    /// #     fn head(&self, _: &mut ()) -> Option<Result<Answered<Whole>, SendError>> { Some(Err(offline())) }
    /// #     fn wait(&self, _: &[Pending<'_, Self>], _: Option<Duration>) {}
    /// #     fn pass(&self, _: &Outgoing<'_>, _: &mut Whole) -> Result<Answered<Whole>, SendError> { Err(offline()) }
    /// # }
    ///
    /// let gateway = Gateway::new(&[("PORTCULLIS_API_KEYS".into(), "sk-example".into())]);
    /// let request = Request {
    ///     method: Method::Post,
    ///     path: "/v1/chat/completions".into(),
    ///     query: None,
    ///     headers: [("authorization", "Bearer sk-example")].into_iter().collect(),
    /// };
    /// let body = br#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello!"}]}"#;
    /// // `Whole` is a body in memory, `Offline` a transport without a network: the engine needs none.
    /// let ctx = Ctx { now: Duration::from_secs(1_800_000_000), random: [1, 2], elapsed: &|| Duration::ZERO };
    /// let exchange = gateway.handle(&request, &mut Whole(Some(body.to_vec())), &Offline, &ctx);
    ///
    /// assert_eq!(exchange.response.status, 200);
    /// let Body::Full(answer) = exchange.response.body else { panic!("an answer without latency is whole") };
    /// assert!(String::from_utf8_lossy(&answer).contains(r#""content":"Hello!""#));
    /// let line = gateway.close(exchange.record, &Ending::default(), &Offline, &|| Duration::ZERO).expect("requests are logged");
    /// assert!(line.contains(r#""gen_ai.request.model":"gpt-4o""#));
    /// ```
    pub fn handle<T: Transport>(
        &self,
        request: &Request,
        body: &mut T::Upload,
        transport: &T,
        ctx: &Ctx<'_>,
    ) -> Exchange<T::Body> {
        if self.config.as_ref().is_ok_and(|config| !config.upstreams.is_empty()) {
            // What is forwarded takes the fields along.
            request.headers.all();
        }
        let id = headers::request_id(&request.headers, ctx);
        let mut record = Record::new(ctx.now);
        record.method = request.method.to_string();
        record.path = request.path.clone();
        let reservation = Reservation::default();
        let pending_entry = PendingEntry::default();
        let route = Route::at(&request.path);
        let family = route.as_ref().map_or(ApiFamily::OpenAi, Route::family);
        let arrival = Arrival {
            request,
            route,
            transport,
            ctx,
            id: &id,
            reservation: &reservation,
            pending_entry: &pending_entry,
            family,
        };
        let result = match &self.config {
            Ok(config) => arrival.answer(config, body, &mut record),
            Err(error) => {
                record.reason = Some(error.to_string());
                Err(ApiError::new(Kind::Misconfigured, error.for_callers()))
            }
        };
        let mut response = result.unwrap_or_else(|error| {
            record.fail(&error);
            if let (Kind::ModelNotFound, Ok(config), None) = (error.kind(), &self.config, &record.reason) {
                record.reason = Some(config.served.why_not().to_owned());
            }
            match family {
                ApiFamily::Anthropic => encode::messages::error(&error, &id),
                ApiFamily::OpenAi => encode::error(&error),
            }
        });
        record.status = response.status;
        headers::add(&arrival, self.config.as_ref().ok(), &record, &mut response);
        record.request_id = id;
        Exchange { response, record: OpenRecord { record, reservation, pending_entry } }
    }

    /// Keeps what a request reserved while its body moves. Whatever moves the body calls it for every piece; most calls do
    /// nothing.
    pub fn renew<T: Transport>(&self, open: &OpenRecord, transport: &T, elapsed: &dyn Fn() -> Duration) {
        if let Some(settings) = self.config.as_ref().ok().and_then(|config| config.store.as_ref())
            && open.reservation.has_limits()
        {
            open.reservation.renew(&Store::new(settings, transport, elapsed), elapsed());
        }
    }

    /// Settles an exchange whose body has ended, in whatever way. Returns its log line, if one is to be written.
    ///
    /// What outlives a request is settled by the `transport` here; `elapsed` is the time since the request arrived.
    pub fn close<T: Transport>(
        &self,
        open: OpenRecord,
        ending: &Ending,
        transport: &T,
        elapsed: &dyn Fn() -> Duration,
    ) -> Option<String> {
        let OpenRecord { mut record, reservation, pending_entry } = open;
        if let Some(settings) = self.config.as_ref().ok().and_then(|config| config.store.as_ref()) {
            let store = Store::new(settings, transport, elapsed);
            if reservation.has_limits() {
                let used = settle::used(&mut record, &reservation);
                let settled = reservation.settle(&store, used, transport);
                record.store_failure =
                    record.store_failure.take().or(settled.err().map(|error| error.to_string()));
            }
            pending_entry.store(&store, &mut record);
        }
        let level = self.config.as_ref().map_or(LogLevel::Error, |config| config.log);
        let needed = if record.is_fault(ending) { LogLevel::Error } else { LogLevel::Info };
        (level >= needed).then(|| record.line(ending))
    }
}

/// A request that is not authenticated yet, and what answering it needs.
struct Arrival<'a, T> {
    request: &'a Request,
    /// The endpoint at the request's path, whatever its method.
    route: Option<Route>,
    transport: &'a T,
    ctx: &'a Ctx<'a>,
    id: &'a str,
    reservation: &'a Reservation,
    pending_entry: &'a PendingEntry,
    family: ApiFamily,
}

/// What answers a request.
enum Destination<B> {
    /// The gateway itself, without a key.
    Public(Response<B>),
    /// An endpoint.
    Endpoint(Route),
    /// An upstream, by its index, that gets the request as it is.
    Passthrough(usize),
}

impl<'a, T: Transport> Arrival<'a, T> {
    fn answer(
        &self,
        config: &Config,
        body: &mut T::Upload,
        record: &mut Record,
    ) -> Result<Response<T::Body>, ApiError> {
        self.check_fields(config)?;
        // Whatever takes a call is for callers that are authenticated.
        let call = |record: &mut Record| self.admit(config, record);
        let route = match self.destination(config, record)? {
            Destination::Public(response) => return Ok(response),
            Destination::Passthrough(upstream) => {
                return endpoint::passthrough::pass_through(&call(record)?, upstream, body, record);
            }
            Destination::Endpoint(route) => route,
        };
        match route {
            Route::ListModels => endpoint::models::list(&call(record)?, record),
            Route::RetrieveModel(model) => endpoint::models::retrieve(&call(record)?, &model, record),
            Route::Chat => endpoint::chat::create(&call(record)?, body, record),
            Route::Completions => endpoint::completions::create(&call(record)?, body, record),
            Route::Responses => endpoint::responses::create(&call(record)?, body, record),
            Route::InputTokens => endpoint::responses::count(&call(record)?, body, record),
            Route::Compact => endpoint::responses::compact(&call(record)?, body, record),
            Route::Messages => endpoint::messages::create(&call(record)?, body, record),
            Route::CountTokens => endpoint::messages::count(&call(record)?, body, record),
            Route::Embeddings => endpoint::embeddings::create(&call(record)?, body, record),
            Route::Moderations => endpoint::moderations::create(&call(record)?, body, record),
            Route::Usage => endpoint::usage::show(&call(record)?),
            Route::Health => Ok(endpoint::health::show()),
            Route::Probe => Ok(endpoint::health::probe()),
        }
    }

    /// Refuses header fields that are too large. Where they are neither forwarded nor repeated, they do no harm, and
    /// reading all of them would be a needless call of the host.
    fn check_fields(&self, config: &Config) -> Result<(), ApiError> {
        let request = self.request;
        if config.upstreams.is_empty() && request.method != Method::Options {
            return Ok(());
        }
        match request.headers.all().size() {
            size if size <= MAX_FIELDS => Ok(()),
            size => Err(ApiError::new(
                Kind::FieldsTooLarge,
                format!(
                    "The header fields of the request take {size} bytes, and at most {MAX_FIELDS} are accepted. \
                     Names and values are counted, and 72 bytes for each field."
                ),
            )),
        }
    }

    fn destination(&self, config: &Config, record: &mut Record) -> Result<Destination<T::Body>, ApiError> {
        let Request { method, path, .. } = self.request;
        let passthrough =
            || config.passthrough.filter(|_| is_passable(method) && passed_path(path).is_some());
        if *method == Method::Options
            && config.origins.is_some()
            && (self.route.is_some() || passthrough().is_some())
        {
            // What a browser sends before a request of another origin (Fetch standard, section 3.3.5).
            return Ok(Destination::Public(preflight()));
        }
        if config.page && endpoint::page::is_requested(self.request) {
            return Ok(Destination::Public(endpoint::page::show()));
        }
        let route = Route::find(self.route.clone(), method, path);
        record.operation = route.as_ref().ok().and_then(Route::operation);
        match route {
            // The engine's stand-ins give way to an upstream that has the real endpoints.
            Ok(route @ (Route::Embeddings | Route::Moderations)) => {
                Ok(passthrough().map_or(Destination::Endpoint(route), Destination::Passthrough))
            }
            Ok(route) => Ok(Destination::Endpoint(route)),
            Err(error) if error.kind() == Kind::UpgradeRequired => Err(error),
            Err(error) => passthrough().map(Destination::Passthrough).ok_or(error),
        }
    }

    /// Authenticates the caller.
    fn admit<'c>(&self, config: &'c Config, record: &mut Record) -> Result<Call<'c, T>, ApiError>
    where
        'a: 'c,
    {
        let Self { request, transport, ctx, id, reservation, pending_entry, family, .. } = *self;
        let caller = auth::check(request, config)?;
        record.key = caller.name().map(str::to_owned);
        Ok(Call { request, config, caller, transport, ctx, id, reservation, pending_entry, family })
    }
}

fn preflight<B>() -> Response<B> {
    Response { status: 204, headers: Headers::default(), body: Body::Full(Vec::new()) }
}
