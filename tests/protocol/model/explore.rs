//! Breadth-first search through everything that can happen.

use std::{
    collections::{HashSet, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
};

use super::world::{Client, Event, Setup, Violation, World};

/// The most states to explore. The test would take too long with more.
const MOST: usize = 3_000_000;

/// The result of a search.
pub struct Found {
    pub states: usize,
    pub steps: usize,
    pub depth: usize,
    /// The first violation, and one of the shortest ways to it.
    pub violation: Option<(Violation, Vec<Event>)>,
}

fn hash(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

/// Explores every order of events, or stops at the first violation.
pub fn explore(setup: &Setup) -> Found {
    let start = World::new(setup);
    let mut seen = HashSet::from([hash(&start)]);
    // The way to each state: the state before it, and the event between them.
    let mut ways: Vec<(usize, Event)> = vec![(0, Event::Until(0))];
    let mut next = VecDeque::from([(start, 0, 0)]);
    let mut found = Found { states: 1, steps: 0, depth: 0, violation: None };
    while let Some((world, way, depth)) = next.pop_front() {
        found.depth = depth;
        let events = world.events(setup);
        assert!(!events.is_empty() || world.clients.iter().all(Client::is_over), "stuck: {world:?}");
        for event in events {
            found.steps += 1;
            let mut after = world.clone();
            if let Err(violation) = after.apply(setup, event) {
                found.violation = Some((violation, way_to(&ways, way, event)));
                return found;
            }
            if seen.insert(hash(&after)) {
                assert!(found.states < MOST, "too many states");
                found.states += 1;
                ways.push((way, event));
                next.push_back((after, ways.len() - 1, depth + 1));
            }
        }
    }
    found
}

fn way_to(ways: &[(usize, Event)], mut way: usize, last: Event) -> Vec<Event> {
    let mut events = vec![last];
    while way != 0 {
        let (from, event) = ways[way];
        events.push(event);
        way = from;
    }
    events.reverse();
    events
}
