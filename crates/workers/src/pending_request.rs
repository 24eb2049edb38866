//! What `entry.js` knows of a request that is under way, for the case that the instance ends before it is answered.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// A request, as `entry.js` holds it.
    #[derive(Clone, Debug)]
    pub type PendingRequest;

    #[wasm_bindgen(method, setter, js_name = isSent)]
    fn set_sent(this: &PendingRequest, is_sent: bool);

    #[wasm_bindgen(method, setter, js_name = isPolled)]
    fn set_polled(this: &PendingRequest, is_polled: bool);

    /// Keeps a line of the log, which is written should this instance end or the client go away before [`Self::release`].
    #[wasm_bindgen(method)]
    pub fn hold(this: &PendingRequest, line: &str);

    /// What the line would have told has been told.
    #[wasm_bindgen(method)]
    pub fn release(this: &PendingRequest);
}

impl PendingRequest {
    /// Notes that something is sent which may have an effect: from now on the request is not begun anew.
    pub fn note_effect(&self) {
        self.set_sent(true);
    }

    /// Does a piece of the request's work. If the instance ends in it, this request is what ended it.
    pub fn while_polled<T>(&self, work: impl FnOnce() -> T) -> T {
        self.set_polled(true);
        let done = work();
        self.set_polled(false);
        done
    }
}
