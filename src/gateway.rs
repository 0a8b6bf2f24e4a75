//! [`Gateway::handle`]: a request's whole way.

use crate::auth::{self, Caller};
use crate::config::{Config, ConfigError, LogLevel, Origins};
use crate::ctx::Ctx;
use crate::encode;
use crate::endpoint::{self, Call};
use crate::error::{ApiError, Kind};
use crate::http::{Body, Headers, MAX_FIELDS, Method, Request, RequestHeaders, Response};
use crate::log::{Ending, Record};
use crate::router::{Route, is_passed, passes_through};
use crate::transport::Transport;
use std::borrow::Cow;

/// The gateway, ready to answer any number of requests.
pub struct Gateway {
    config: Result<Config, ConfigError>,
}

/// An answer, and what is known of how it came about.
pub struct Exchange<B> {
    /// For the caller.
    pub response: Response<B>,
    /// For the log.
    pub record: Record,
}

impl Gateway {
    /// A gateway with the settings among some (name, value) pairs. Wrong ones make it answer every
    /// request with an error that says so.
    pub fn new(vars: &[(String, String)]) -> Self {
        Self { config: Config::from_vars(vars) }
    }

    /// A gateway whose settings could not be had, which answers as one with wrong ones does.
    pub fn unset(error: ConfigError) -> Self {
        Self { config: Err(error) }
    }

    /// Answers a request. Its body is read only once the caller is known, and only as far as needed.
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
        let id = request_id(&request.headers, ctx);
        let mut record = Record::new(ctx.now);
        record.method = request.method.to_string();
        record.path = request.path.clone();
        let mut response = match self.answer(request, body, transport, ctx, &id, &mut record) {
            Ok(response) => response,
            Err(error) => {
                if let (Kind::ModelNotFound, Ok(config), None) = (error.kind(), &self.config, &record.reason)
                {
                    record.reason = Some(config.served.why_not().to_owned());
                }
                record.fail(&error);
                encode::error(&error)
            }
        };
        record.status = response.status;
        if self.config.as_ref().is_ok_and(|config| config.route_headers) {
            tell_route(&record, &mut response.headers);
        }
        self.finish(request, &mut response, &id, ctx);
        record.request_id = id;
        Exchange { response, record }
    }

    fn answer<T: Transport>(
        &self,
        request: &Request,
        body: &mut T::Upload,
        transport: &T,
        ctx: &Ctx<'_>,
        id: &str,
        record: &mut Record,
    ) -> Result<Response<T::Body>, ApiError> {
        let config = self.config.as_ref().map_err(|error| {
            record.reason = Some(error.to_string());
            ApiError::new(Kind::Misconfigured, error.for_callers())
        })?;
        if let Some(size) = too_large(request, config) {
            return Err(ApiError::new(
                Kind::FieldsTooLarge,
                format!(
                    "The header fields of the request take {size} bytes, and at most {MAX_FIELDS} are accepted. \
                     Names and values are counted, and 72 bytes for each field."
                ),
            ));
        }
        let passes = || passes_through(&request.path) && is_passed(&request.method);
        let passthrough = || config.passthrough.filter(|_| passes());
        if request.method == Method::Options
            && config.origins.is_some()
            && (Route::at(&request.path).is_some() || passthrough().is_some())
        {
            return Ok(Response { status: 204, headers: Headers::default(), body: Body::Full(Vec::new()) });
        }
        let route = Route::find(&request.method, &request.path);
        record.operation = route.as_ref().ok().and_then(Route::operation);
        let way = match route {
            // What the engine has a stand-in for goes to who has the real one.
            Ok(route @ (Route::Embeddings | Route::Moderations)) => {
                passthrough().map_or(Way::Known(route), Way::Through)
            }
            Ok(route) => Way::Known(route),
            Err(error) if error.kind() == Kind::UpgradeRequired => return Err(error),
            Err(error) => Way::Through(passthrough().ok_or(error)?),
        };
        // What every endpoint but one needs, and what none gets without a key.
        let call = |record: &mut Record| -> Result<Call<'_, T>, ApiError> {
            let caller = admit(request, config, record)?;
            Ok(Call { request, config, caller, transport, ctx, id })
        };
        match way {
            Way::Known(Route::Probe) => Ok(endpoint::health::probe()),
            Way::Known(Route::Health) => Ok(endpoint::health::show()),
            Way::Known(Route::ListModels) => endpoint::models::list(&call(record)?, record),
            Way::Known(Route::RetrieveModel(model)) => {
                endpoint::models::retrieve(&call(record)?, &model, record)
            }
            Way::Known(Route::ChatCompletions) => endpoint::chat::create(&call(record)?, body, record),
            Way::Known(Route::Completions) => endpoint::completions::create(&call(record)?, body, record),
            Way::Known(Route::Embeddings) => endpoint::embeddings::create(&call(record)?, body, record),
            Way::Known(Route::Moderations) => endpoint::moderations::create(&call(record)?, body, record),
            Way::Through(upstream) => {
                endpoint::passthrough::pass_through(&call(record)?, upstream, body, record)
            }
        }
    }

    /// Adds what every response carries.
    fn finish<B>(&self, request: &Request, response: &mut Response<B>, id: &str, ctx: &Ctx<'_>) {
        let headers = &mut response.headers;
        headers.push("x-request-id", id);
        if headers.get("openai-processing-ms").is_none() {
            headers.push("openai-processing-ms", (ctx.elapsed)().as_millis().to_string());
        }
        if headers.get("openai-version").is_none() {
            headers.push("openai-version", "2020-10-01");
        }
        let origins = self.config.as_ref().ok().and_then(|config| config.origins.as_ref());
        if response.status == 405
            && let Some(route) = Route::at(&request.path)
        {
            let own = if route.method() == "GET" { "GET, HEAD" } else { route.method() };
            headers.push("allow", if origins.is_some() { format!("{own}, OPTIONS") } else { own.to_owned() });
        }
        if let Some(origins) = origins {
            allow_origin(origins, request, headers);
        }
    }

    /// The log line of an exchange that has ended, if one is wanted.
    pub fn log_line(&self, record: &Record, ending: &Ending) -> Option<String> {
        let level = self.config.as_ref().map_or(LogLevel::Error, |config| config.log);
        let wanted = if record.is_fault(ending) { LogLevel::Error } else { LogLevel::Info };
        (level >= wanted).then(|| record.line(ending))
    }
}

/// The size of the header fields, if it is over the limit. Where they are neither forwarded nor repeated, they do
/// no harm, and reading all of them would be a needless call of the host.
fn too_large(request: &Request, config: &Config) -> Option<usize> {
    if config.upstreams.is_empty() && request.method != Method::Options {
        return None;
    }
    Some(request.headers.all().size()).filter(|size| *size > MAX_FIELDS)
}

/// Finds out who calls, and notes it for the log. Not inlined, since each endpoint's arm asks it.
#[inline(never)]
fn admit<'a>(request: &Request, config: &'a Config, record: &mut Record) -> Result<Caller<'a>, ApiError> {
    let caller = auth::check(request, config)?;
    record.key = caller.name().map(str::to_owned);
    Ok(caller)
}

/// Who is to answer.
enum Way {
    /// An endpoint of our own.
    Known(Route),
    /// An upstream, an index into the configured ones: the gateway does not know the path, or the method.
    Through(usize),
}

/// Tells which upstream was asked (last), and how often one was.
fn tell_route(record: &Record, headers: &mut Headers) {
    if let (Some(attempts), Some(target)) = (record.attempts, &record.target) {
        headers.push("x-portcullis-attempts", attempts.to_string());
        headers.push("x-portcullis-target", &**target);
    }
}

/// Tells a browser that the page may read the answer (Fetch standard, section 3.3).
fn allow_origin(origins: &Origins, request: &Request, headers: &mut Headers) {
    let own = request.headers.get("origin");
    let allowed = match (origins, own.as_deref()) {
        (Origins::Any, _) => "*",
        (Origins::Listed(all), Some(origin)) if all.iter().any(|one| one == origin) => origin,
        (Origins::Listed(_), _) => {
            headers.push("vary", "Origin");
            return;
        }
    };
    headers.push("access-control-allow-origin", allowed);
    if allowed != "*" {
        headers.push("vary", "Origin");
    }
    if request.method == Method::Options {
        let wanted = request.headers.get("access-control-request-headers");
        // A request that is refused for the size of its fields does not get them back.
        let wanted = wanted.filter(|wanted| wanted.len() <= MAX_FIELDS);
        // What is passed through has every method; where one is not, the page may read the 405.
        headers.push("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        headers
            .push("access-control-allow-headers", wanted.as_deref().unwrap_or("authorization, content-type"));
        headers.push("access-control-max-age", "86400");
    } else {
        // SDKs look for `x-ratelimit-…`, `retry-after-ms`, `x-should-retry` and more. The star holds for requests
        // without cookies, and there are no others: none is told that it may have some.
        headers.push("access-control-expose-headers", "*");
    }
}

/// The caller's own `x-request-id` if it is sane, or a new one.
fn request_id(headers: &RequestHeaders, ctx: &Ctx<'_>) -> String {
    let sane = |id: &Cow<'_, str>| (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    headers.get("x-request-id").filter(sane).map_or_else(|| ctx.request_id(), Cow::into_owned)
}
