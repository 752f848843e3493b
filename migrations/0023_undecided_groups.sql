-- Groups of which the provider didn't say whether the person is in them, from the same answer as groups_json.

alter table account add column undecided_groups_json text; -- null: there are none
