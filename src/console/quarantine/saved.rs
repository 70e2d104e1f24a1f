//! Views of the list that people keep under names of their own: each sees and
//! forgets only theirs. A view is a filter as an address has it, and may name
//! a patient: it is kept privately, and stands in no log.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use axum::{
    Json,
    extract::{self, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{delete, get, post},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wanted::Wanted;
use crate::{
    console::{
        Answer, Console, Flash, Identity, Refusal, Routes,
        fields::Fields,
        kept::{Kept, NotKept},
    },
    mail::Permission::ViewHeld,
};

pub(in crate::console) struct SavedViews(Kept<People>);

/// By person, then by the view's name.
type People = BTreeMap<String, BTreeMap<String, String>>;

#[derive(Debug, thiserror::Error)]
pub(super) enum ViewError {
    #[error("Give it a name of {LONGEST_NAME} characters at most.")]
    Name,
    #[error("Search or filter first: a view of all that is held is there already.")]
    Everything,
    #[error("That search cannot be kept: it is no search of the list, or too long.")]
    Search,
    #[error("You have {OF_ONE} views: forget one first.")]
    TooMany,
    #[error("No more people can keep views here.")]
    Full,
    #[error("You have no such view.")]
    Unknown,
    #[error("It could not be kept: {0}")]
    NotKept(#[from] NotKept),
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(list, save, forget), components(schemas(ViewList, View)))]
struct ViewsApi;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .guarded("/quarantine/views", ViewHeld, post(save_form))
        .guarded("/quarantine/views/forget", ViewHeld, post(forget_form))
        .guarded("/api/quarantine/views", ViewHeld, get(list).post(save))
        .guarded("/api/quarantine/views/{name}", ViewHeld, delete(forget))
        .described::<ViewsApi>()
}

impl SavedViews {
    pub(in crate::console) fn open(folder: &Path) -> Result<Self, NotKept> {
        Kept::open(folder, "views.json", People::default).map(Self)
    }

    /// By name.
    pub(super) fn of(&self, person: &str) -> Vec<View> {
        let view = |(name, query): (&String, &String)| {
            let [name, query] = [name, query].map(Clone::clone);
            View { name, query }
        };
        self.0.read(|people| {
            people.get(person).map(|views| views.iter().map(view).collect()).unwrap_or_default()
        })
    }

    /// In place of one of the same name. Blocks.
    fn save(&self, person: &str, view: &View) -> Result<View, ViewError> {
        let view = view.as_meant()?;
        self.0.change(|people| {
            if !people.contains_key(person) && people.len() >= PEOPLE {
                return Err(ViewError::Full);
            }
            let own = people.entry(person.to_owned()).or_default();
            if !own.contains_key(&view.name) && own.len() >= OF_ONE {
                return Err(ViewError::TooMany);
            }
            own.insert(view.name.clone(), view.query.clone());
            Ok(view)
        })
    }

    /// Blocks.
    fn forget(&self, person: &str, name: &str) -> Result<(), ViewError> {
        self.0.change(|people| {
            let own = people.get_mut(person).ok_or(ViewError::Unknown)?;
            own.remove(name).ok_or(ViewError::Unknown)?;
            if own.is_empty() {
                people.remove(person);
            }
            Ok(())
        })
    }
}

/// A search of the list under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(super) struct View {
    #[schema(min_length = 1, max_length = 60)]
    pub(super) name: String,
    /// As the address of the list has it: `level=4&state=overdue`.
    #[schema(min_length = 1, max_length = 2000)]
    pub(super) query: String,
}

#[derive(Serialize, ToSchema)]
struct ViewList {
    views: Vec<View>,
}

impl View {
    pub(super) fn address(&self) -> String {
        format!("/quarantine?{}", self.query)
    }

    /// With nothing in it that is no search, nor wrong.
    fn as_meant(&self) -> Result<Self, ViewError> {
        let name = self.name.trim();
        let length = name.chars().count();
        if !(1..=LONGEST_NAME).contains(&length) || name.chars().any(char::is_control) {
            return Err(ViewError::Name);
        }
        let wanted = Wanted::of(&Fields::of_query(&self.query));
        let query = wanted.query();
        if query.is_empty() {
            return Err(ViewError::Everything);
        }
        if query.len() > LONGEST_QUERY || wanted.filter().is_err() {
            return Err(ViewError::Search);
        }
        Ok(Self { name: name.to_owned(), query })
    }
}

impl From<ViewError> for Refusal {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Unknown => Self::NotFound,
            ViewError::NotKept(cause) => Self::Failed(cause.to_string()),
            unfit => Self::Unfit(unfit.to_string()),
        }
    }
}

async fn save_form(
    State(console): State<Arc<Console>>,
    identity: Identity,
    fields: Fields,
) -> Answer {
    let [name, query] = ["name", "query"].map(|field| fields.one(field).to_owned());
    let view = View { name, query };
    match keep(&console, &identity, view.clone()).await {
        Ok(kept) => {
            let words = format!("The view “{}” is kept. Only you see it.", kept.name);
            console.leave(&identity, Flash::Done(words));
            Ok(Redirect::to(&kept.address()).into_response())
        }
        Err(ViewError::NotKept(cause)) => Err(ViewError::NotKept(cause).into()),
        Err(unfit) => {
            console.leave(&identity, Flash::Notice(unfit.to_string()));
            let back = Wanted::of(&Fields::of_query(&view.query)).query();
            Ok(Redirect::to(&format!("/quarantine?{back}")).into_response())
        }
    }
}

async fn forget_form(
    State(console): State<Arc<Console>>,
    identity: Identity,
    fields: Fields,
) -> Answer {
    let name = fields.one("name").to_owned();
    drop_view(&console, &identity, name.clone()).await?;
    console.leave(&identity, Flash::Done(format!("The view “{name}” is forgotten.")));
    Ok(Redirect::to("/quarantine").into_response())
}

#[utoipa::path(
    get,
    path = "/api/quarantine/views",
    summary = "Your own views of the list",
    responses((status = 200, body = ViewList)),
)]
async fn list(State(console): State<Arc<Console>>, identity: Identity) -> Json<ViewList> {
    Json(ViewList { views: console.views.of(&identity.actor.name) })
}

#[utoipa::path(
    post,
    path = "/api/quarantine/views",
    summary = "Keeps a view, in place of one of the same name",
    request_body = View,
    responses((status = 200, body = View)),
)]
async fn save(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Json(view): Json<View>,
) -> Result<Json<View>, Refusal> {
    Ok(Json(keep(&console, &identity, view).await?))
}

#[utoipa::path(
    delete,
    path = "/api/quarantine/views/{name}",
    summary = "Forgets one of your views",
    params(("name" = String, Path)),
    responses((status = 204)),
)]
async fn forget(
    State(console): State<Arc<Console>>,
    identity: Identity,
    extract::Path(name): extract::Path<String>,
) -> Result<Response, Refusal> {
    drop_view(&console, &identity, name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn keep(console: &Arc<Console>, identity: &Identity, view: View) -> Result<View, ViewError> {
    let (console, person) = (Arc::clone(console), identity.actor.name.clone());
    let kept = tokio::task::spawn_blocking(move || console.views.save(&person, &view));
    kept.await.map_err(|_| ViewError::Search)?
}

async fn drop_view(
    console: &Arc<Console>,
    identity: &Identity,
    name: String,
) -> Result<(), ViewError> {
    let (console, person) = (Arc::clone(console), identity.actor.name.clone());
    let gone = tokio::task::spawn_blocking(move || console.views.forget(&person, &name));
    gone.await.map_err(|_| ViewError::Unknown)?
}

/// Law 7.
const OF_ONE: usize = 20;
const PEOPLE: usize = 1_000;
const LONGEST_NAME: usize = 60;
const LONGEST_QUERY: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{console::testing::Fixture, mail::Role};

    fn view(name: &str, query: &str) -> View {
        View { name: name.to_owned(), query: query.to_owned() }
    }

    fn views() -> (tempfile::TempDir, SavedViews) {
        let folder = tempfile::tempdir().unwrap();
        let views = SavedViews::open(folder.path()).unwrap();
        (folder, views)
    }

    #[test]
    fn a_view_is_its_person_s_alone_and_there_after_a_restart() {
        let (folder, views) = views();
        views.save("jane", &view(" My ward ", "level=4&x=1&text=ward+7&page=9")).unwrap();
        views.save("joe", &view("Late", "state=overdue")).unwrap();
        let again = SavedViews::open(folder.path()).unwrap();
        assert_eq!(again.of("jane"), [view("My ward", "text=ward%207&level=4")]);
        assert!(matches!(again.forget("jane", "Late"), Err(ViewError::Unknown)));
        again.forget("joe", "Late").unwrap();
        let last = SavedViews::open(folder.path()).unwrap();
        assert_eq!((last.of("jane").len(), last.of("joe").len()), (1, 0));
    }

    #[test]
    fn a_view_is_a_search_with_a_name_and_there_are_not_too_many() {
        let (_folder, views) = views();
        let save = |name: &str, query: &str| views.save("jane", &view(name, query));
        let long = "x".repeat(LONGEST_NAME + 1);
        for name in ["", "  ", "a\nb", &long] {
            assert!(matches!(save(name, "level=4"), Err(ViewError::Name)), "{name:?}");
        }
        assert!(matches!(save("a", "offset=50"), Err(ViewError::Everything)));
        assert!(matches!(save("a", "level=9"), Err(ViewError::Search)));
        let longest = format!("text={}", "x".repeat(LONGEST_QUERY));
        assert!(matches!(save("a", &longest), Err(ViewError::Search)));
        for number in 0..OF_ONE {
            save(&number.to_string(), "level=4").unwrap();
        }
        assert!(matches!(save("one more", "level=4"), Err(ViewError::TooMany)));
        assert_eq!(save("0", "level=3").unwrap().query, "level=3", "it takes the place of its own");
        assert_eq!(views.of("jane").len(), OF_ONE);
    }

    #[tokio::test]
    async fn a_form_keeps_a_view_and_its_page_forgets_it() {
        let fixture = Fixture::new();
        let jane = fixture.browser(&[Role::Officer]);
        let searched = jane.get("/quarantine?level=4&text=%3Cb%3E").await;
        assert!(searched.body.contains("action=\"/quarantine/views\""), "{}", searched.body);
        let kept = jane
            .post("/quarantine/views", "name=%3Ci%3EWard&query=text%3D%253Cb%253E%26level%3D4")
            .await;
        assert_eq!(
            (kept.status.as_u16(), kept.header("location")),
            (303, "/quarantine?text=%3Cb%3E&level=4")
        );
        let shown = jane.get(kept.header("location")).await;
        assert!(shown.body.contains("&#60;i&#62;Ward</a>") && !shown.body.contains("<i>"));
        assert!(shown.body.contains("action=\"/quarantine/views/forget\""));
        let forgotten = jane.post("/quarantine/views/forget", "name=%3Ci%3EWard").await;
        assert_eq!(forgotten.header("location"), "/quarantine");
        assert!(!jane.get("/quarantine").await.body.contains("&#60;i&#62;Ward</a>"));
        assert_eq!(jane.post("/quarantine/views/forget", "name=Ward").await.status, 404);
        let nameless = jane.post("/quarantine/views", "name=&query=level%3D4").await;
        assert_eq!(nameless.header("location"), "/quarantine?level=4");
        let why = jane.get("/quarantine?level=4").await;
        assert!(why.body.contains("Give it a name"), "{}", why.body);
    }

    #[tokio::test]
    async fn programs_keep_and_forget_views_too() {
        let fixture = Fixture::new();
        let auditor = fixture.browser(&[Role::Auditor]);
        let path = "/api/quarantine/views";
        let kept = auditor.post_json(path, r#"{"name":"Late","query":"state=overdue"}"#).await;
        assert_eq!(kept.status, 200);
        let mine = r#"{"views":[{"name":"Late","query":"state=overdue"}]}"#;
        assert_eq!(auditor.get(path).await.body, mine);
        let wrong = auditor.post_json(path, r#"{"name":"Late","query":"state=lost"}"#).await;
        assert_eq!(wrong.status, 400);
        let delete = || {
            let request = auditor.request("DELETE", "/api/quarantine/views/Late");
            request.header("x-csrf-token", &auditor.csrf).body(axum::body::Body::empty()).unwrap()
        };
        assert_eq!(auditor.send(delete()).await.status, 204);
        assert_eq!(auditor.send(delete()).await.status, 404);
        assert_eq!(fixture.browser(&[Role::Operator]).get(path).await.status, 403);
    }
}
