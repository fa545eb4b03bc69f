"""A migration whose plan has one check, so that a selftest's own check alone decides."""

import dataclasses

import fixtures

MIGRATION = dataclasses.replace(fixtures.MIGRATION, plan_checks=1)
