//! Waiting for the end of what an answer depends on. A token's end is known; for a session's there is a line to the
//! subject's object, which closes it when the session ends.
//!
//! The object sleeps meanwhile (its end hibernates) and costs nothing. If the line breaks, as when the object is
//! moved or renewed by a deployment, a new one is opened; that asks again whether the session lives, and if nobody
//! answers, that is an end too.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, select};
use js_sys::Date;
use wasm_bindgen::JsValue;
use worker::{Delay, Env};

use crate::http::websocket::{self, Socket};
use postern::authn::Standing;
use postern::config::ObjectPlace;
use postern::gateway::SiteMatch;
use postern::ids::site::Site;
use postern::ports::{Clock, StoreError};
use postern::session::message::{Envelope, VERSION};
use postern::session::{USED, WatchRequest};
use postern::time::{Seconds, Timestamp};
use postern::upstream::websocket::Close;
use postern::upstream::{ProofLease, SessionLease, StreamLifetime};
use postern_workers::background::Background;
use postern_workers::clock::SystemClock;
use postern_workers::isolate;
use postern_workers::objects::Objects;
use postern_workers::objects::sessions::BINDING;
use postern_workers::platform::Workers;

/// How often the block list is looked at: whether somebody is on it, or a moment ends their session.
const LOOK_EVERY: Seconds = Seconds::new(5);
/// How long to wait before each attempt to open a broken line again.
const PAUSES: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];
/// A line that held so long was a good one: the next break begins with the first pause again.
const GOOD_AFTER_MS: f64 = 60_000.0;

/// Why no more may come.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// The session has ended.
    Ended,
    /// The token has expired.
    Expired,
    /// Nobody can tell.
    Unknown(StoreError),
}

impl End {
    /// How it is said on a WebSocket.
    pub(crate) fn close(&self) -> Close {
        match self {
            Self::Ended => Close::ended(),
            Self::Expired => Close::expired(),
            Self::Unknown(_) => Close::unknown(),
        }
    }
}

/// What comes when the answer has to stop.
pub(crate) type Ending = LocalBoxFuture<'static, End>;

/// Begins to wait for the end of `tenure`; `None` where there is none. With a session comes the way to say that it is used.
///
/// # Errors
/// When it has come already, or nobody can tell.
pub(crate) async fn begin(objects: Objects<'_>, tenure: &StreamLifetime) -> Result<Option<(Ending, Option<Use>)>, End> {
    match tenure {
        StreamLifetime::Unlimited => Ok(None),
        StreamLifetime::Until(time) => Ok(Some((expiry(*time).boxed_local(), None))),
        StreamLifetime::Standing(standing) => {
            let (env, site) = (objects.env.clone(), objects.site.clone());
            let end = while_it_stands(env, site, Standing::clone(standing));
            Ok(Some((end.boxed_local(), None)))
        }
        StreamLifetime::Session(stay) => {
            let (env, site) = (objects.env.clone(), objects.site.clone());
            let (watch, end) = Watch::begin(objects, stay).await?;
            let mut end = end.boxed_local();
            if let Some(standing) = &stay.standing {
                let listed = while_it_stands(env.clone(), site.clone(), Standing::clone(standing)).boxed_local();
                end = select(end, listed).map(|first| first.factor_first().0).boxed_local();
            }
            if let Some(proof) = stay.proof.clone() {
                let proven = while_it_is_proven(env, site, stay.clone(), proof).boxed_local();
                end = select(end, proven).map(|first| first.factor_first().0).boxed_local();
            }
            Ok(Some((end, stay.touch_every.map(|every| Use::new(watch, every)))))
        }
    }
}

/// A timer knows no longer wait than some weeks, so it is looked at again now and then.
async fn expiry(time: Timestamp) -> End {
    loop {
        let left = time.since(SystemClock.now());
        if left.get() == 0 {
            return End::Expired;
        }
        Delay::from(Duration::from_secs(left.min(Seconds::hours(1)).get().into())).await;
    }
}

/// Looks at the block list again and again: it is one for all that wait in this isolate.
async fn while_it_stands(env: Env, site: Site, standing: Standing) -> End {
    let background = Background::Object;
    loop {
        let left = standing.until().since(SystemClock.now());
        if left.get() == 0 {
            return End::Expired;
        }
        Delay::from(Duration::from_secs(left.min(LOOK_EVERY).get().into())).await;
        let deployment = match isolate::deployment(&env) {
            Ok(deployment) => deployment,
            Err(error) => return End::Unknown(StoreError::unavailable(error.to_string())),
        };
        let SiteMatch::Site(gateway) = deployment.of(&site) else {
            return End::Unknown(StoreError::unavailable("the site is not there any more"));
        };
        let platform = Workers::new(&env, gateway, background.clone());
        match gateway.still_stands(&platform, &standing).await {
            Ok(true) => {}
            Ok(false) => return End::Ended,
            Err(error) => return End::Unknown(error),
        }
    }
}

/// Asks the object as often as the device of the session has to be proved: whether it was, and from where.
async fn while_it_is_proven(env: Env, site: Site, stay: SessionLease, mut proof: ProofLease) -> End {
    loop {
        Delay::from(Duration::from_secs(proof.holds_for(SystemClock.now()).get().into())).await;
        let deployment = match isolate::deployment(&env) {
            Ok(deployment) => deployment,
            Err(error) => return End::Unknown(StoreError::unavailable(error.to_string())),
        };
        let SiteMatch::Site(gateway) = deployment.of(&site) else {
            return End::Unknown(StoreError::unavailable("the site is not there any more"));
        };
        match gateway.still_proven(&Workers::new(&env, gateway, Background::Object), &stay, proof).await {
            Ok(Some(renewed)) => proof = renewed,
            Ok(None) => return End::Ended,
            Err(error) => return End::Unknown(error),
        }
    }
}

/// What the browser sends is use of the session, counted no more often than the idle clock is exact.
pub(crate) struct Use {
    watch: Rc<Watch>,
    every_ms: f64,
    last: Cell<f64>,
}

impl Use {
    /// The request itself was use.
    fn new(watch: Rc<Watch>, every: Seconds) -> Self {
        Self { watch, every_ms: f64::from(every.get()) * 1000.0, last: Cell::new(Date::now()) }
    }

    /// Notes that the browser sent something.
    pub(crate) fn note(&self) {
        let now = Date::now();
        if now - self.last.get() >= self.every_ms {
            self.last.set(now);
            self.watch.used();
        }
    }
}

/// A session that is watched.
struct Watch {
    env: Env,
    site: Site,
    place: ObjectPlace,
    stay: SessionLease,
    /// The line as it is now, for [`Watch::used`].
    line: RefCell<Option<JsValue>>,
}

struct Line {
    socket: Socket,
    closed: oneshot::Receiver<u16>,
}

impl Watch {
    /// Begins to watch, and returns what waits for the end.
    ///
    /// # Errors
    /// When the session has ended already, or its object does not answer.
    async fn begin(
        objects: Objects<'_>,
        stay: &SessionLease,
    ) -> Result<(Rc<Self>, impl Future<Output = End> + use<>), End> {
        let (env, site, place) = (objects.env.clone(), objects.site.clone(), objects.place.clone());
        let watch = Rc::new(Self { env, site, place, stay: stay.clone(), line: RefCell::default() });
        let line = watch.open().await?;
        Ok((Rc::clone(&watch), watch.until_the_end(line)))
    }

    /// Tells the object that the session was used.
    fn used(&self) {
        if let Some(line) = &*self.line.borrow() {
            websocket::send(line, &USED.into());
        }
    }

    async fn until_the_end(self: Rc<Self>, mut line: Line) -> End {
        let mut breaks = 0;
        loop {
            let since = Date::now();
            let code = (&mut line.closed).await.unwrap_or_default();
            if code == Close::ENDED {
                return End::Ended;
            }
            if Date::now() - since > GOOD_AFTER_MS {
                breaks = 0;
            }
            line = match self.open_again(&mut breaks).await {
                Ok(line) => line,
                Err(end) => return end,
            };
        }
    }

    async fn open_again(&self, breaks: &mut usize) -> Result<Line, End> {
        let mut end = End::Unknown(StoreError::unavailable("the line to the object broke again and again"));
        while let Some(pause) = PAUSES.get(*breaks) {
            *breaks += 1;
            Delay::from(*pause).await;
            match self.open().await {
                Ok(line) => return Ok(line),
                Err(End::Ended) => return Err(End::Ended),
                Err(unknown) => end = unknown,
            }
        }
        Err(end)
    }

    async fn open(&self) -> Result<Line, End> {
        let envelope = Envelope { v: VERSION, command: WatchRequest { digest: self.stay.digest.clone() } };
        let message = serde_json::to_string(&envelope).map_err(|_| End::Unknown(StoreError::Malformed))?;
        let objects = Objects { env: &self.env, site: &self.site, place: &self.place };
        let opened = objects.open(BINDING, &self.stay.subject.object_name(), &message).await;
        let raw = opened.map_err(End::Unknown)?.ok_or(End::Ended)?;
        let (sender, closed) = oneshot::channel();
        let sender = Rc::new(RefCell::new(Some(sender)));
        let on_end = move |code, _: &str| {
            if let Some(sender) = sender.borrow_mut().take() {
                let _nobody_waits = sender.send(code);
            }
        };
        let socket = Socket::accept(raw.clone(), |_| (), on_end)
            .map_err(|error| End::Unknown(StoreError::unavailable(error.to_string())))?;
        *self.line.borrow_mut() = Some(raw);
        Ok(Line { socket, closed })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.socket.close(&Close { code: Some(1000), reason: String::new() });
    }
}
