//! In which language a request's pages are, and the texts of those that were needed so far.

use std::cell::RefCell;
use std::rc::Rc;

use super::context::RequestContext;
use super::{Platform, cold};
use crate::http::fetch_metadata::Reader;
use crate::http::language::Language;
use crate::json;
use crate::pages::{Translation, View};
use crate::ports::Languages;

const MAX_BYTES: usize = 64 * 1024;

/// The texts of the languages that were needed so far. They are the same for everybody.
#[derive(Debug, Default)]
pub(super) struct Translations(RefCell<Vec<(Language, Rc<Translation>)>>);

impl Translations {
    fn of(&self, language: Language) -> Option<Rc<Translation>> {
        self.0.borrow().iter().find(|(known, _)| *known == language).map(|(_, texts)| Rc::clone(texts))
    }

    fn keep(&self, language: Language, texts: Translation) {
        if self.of(language).is_none() {
            self.0.borrow_mut().push((language, Rc::new(texts)));
        }
    }
}

impl<P> RequestContext<'_, P> {
    /// How pages that answer this request look and speak: in English, as long as no other language was loaded.
    pub(super) fn view(&self) -> View<'_> {
        let language = self.language();
        View::new(&self.site.config.pages, language, self.site.translations.of(language))
    }

    fn language(&self) -> Language {
        Language::preferred(&self.request.head.headers, &self.site.config.pages.languages)
    }
}

impl<P: Platform> RequestContext<'_, P> {
    /// Has the texts of this request's language at hand, if a person reads the answer. Without them the page is in English.
    pub(super) async fn load_language(&self) {
        if self.request.reader == Reader::Program {
            return;
        }
        let language = self.language();
        if language != Language::English && self.site.translations.of(language).is_none() {
            // Once for an isolate and a language.
            cold(self.fetch_texts(language)).await;
        }
    }

    async fn fetch_texts(&self, language: Language) {
        let text = self.platform.languages().texts(language.tag()).await;
        if let Some(Ok(texts)) = text.map(|text| json::parse_object(text.as_bytes(), MAX_BYTES)) {
            self.site.translations.keep(language, texts);
        }
    }
}
