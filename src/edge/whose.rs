//! Which site's an object is: every message says so, and alarms and lines that wake it do not.

use std::cell::{Cell, RefCell};

use serde::Deserialize;
use worker::SqlStorage;

use super::object::ObjectError;
use super::sql;
use crate::site::{Site, SiteId};

/// Only objects of named sites have this table.
const CREATE: &str = "CREATE TABLE IF NOT EXISTS site (id TEXT PRIMARY KEY) WITHOUT ROWID";
const NOTE: &str = "INSERT OR IGNORE INTO site (id) VALUES (?)";
const NOTED: &str = "SELECT id FROM site";

/// What an object knows of it.
pub(super) struct Whose {
    sql: SqlStorage,
    site: RefCell<Option<Site>>,
    is_noted: Cell<bool>,
}

#[derive(Deserialize)]
struct Noted {
    id: SiteId,
}

impl Whose {
    pub(super) const fn new(sql: SqlStorage) -> Self {
        Self { sql, site: RefCell::new(None), is_noted: Cell::new(false) }
    }

    /// A message says whose it is.
    ///
    /// # Errors
    /// When it is another's: sites have objects of their own, so such a message has gone astray.
    pub(super) fn told(&self, site: &Site) -> Result<(), ObjectError> {
        let known = self.site.borrow().clone();
        let known = match known {
            None if !site.is_sole() => self.noted()?,
            known => known,
        };
        if known.is_some_and(|known| known != *site) {
            return Err(ObjectError::Malformed("this is another site's object".to_owned()));
        }
        self.site.replace(Some(site.clone()));
        Ok(())
    }

    /// Whose it is. `is_sole`: the deployment has one site only, and nothing is looked up.
    ///
    /// # Errors
    /// When there are several, and neither a message nor a note has said.
    pub(super) fn site(&self, is_sole: bool) -> Result<Site, ObjectError> {
        if let Some(site) = &*self.site.borrow() {
            return Ok(site.clone());
        }
        if is_sole {
            return Ok(Site::SOLE);
        }
        let noted = self.noted()?.ok_or_else(|| ObjectError::Failed("no note of whose object it is".to_owned()))?;
        self.site.replace(Some(noted.clone()));
        Ok(noted)
    }

    /// Notes it, for when the object wakes without a message.
    ///
    /// # Errors
    /// When the storage fails.
    pub(super) fn note(&self) -> Result<(), ObjectError> {
        let site = self.site.borrow();
        let Some(id) = site.as_ref().and_then(Site::id).filter(|_| !self.is_noted.get()) else { return Ok(()) };
        sql::execute(&self.sql, CREATE, Vec::new())?;
        sql::execute(&self.sql, NOTE, vec![id.as_str().into()])?;
        self.is_noted.set(true);
        Ok(())
    }

    fn noted(&self) -> Result<Option<Site>, ObjectError> {
        sql::execute(&self.sql, CREATE, Vec::new())?;
        let noted: Vec<Noted> = sql::query(&self.sql, NOTED, Vec::new())?;
        let site = noted.into_iter().next().map(|noted| Site::named(noted.id));
        self.is_noted.set(site.is_some());
        Ok(site)
    }
}
