import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ALERT_GROUPS } from '../../../src/docs/monitoring/alerts.ts';
import { ROWS } from '../../../src/docs/monitoring/panels.ts';
import { tempDir } from '../../kit/temp.ts';
import { missing } from '../../peers/programs.ts';

const RULES = resolve('deploy/prometheus/rules.yaml');

interface Scene {
  /** Series in promtool's notation, a value each minute: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/ */
  readonly bad: Readonly<Record<string, string>>;
  readonly good: Readonly<Record<string, string>>;
}

const steady = (value: number): string => `${value}x60`;
const growing = (step: number): string => `0+${step}x60`;

/** What each alert is for, and what it must not be raised for. */
const SCENES: Readonly<Record<string, Scene>> = {
  GitSidecarSyncStale: {
    bad: { 'git_sidecar_last_success_timestamp_seconds{instance="a"}': steady(60) },
    good: { 'git_sidecar_last_success_timestamp_seconds{instance="a"}': growing(60) },
  },
  GitSidecarSyncFailing: {
    bad: { 'git_sidecar_consecutive_failures{instance="a"}': steady(3) },
    good: { 'git_sidecar_consecutive_failures{instance="a"}': '0 1 2 0 1 2 0 1 2 0x50' },
  },
  GitSidecarRevisionRefused: {
    bad: { 'git_sidecar_verify_refused{instance="a"}': steady(1) },
    good: { 'git_sidecar_verify_refused{instance="a"}': steady(0) },
  },
  GitSidecarPublishedTreeChanged: {
    bad: {
      'git_sidecar_worktree_changed_files{instance="a"}': steady(0),
      'git_sidecar_worktree_untracked_files{instance="a"}': steady(2),
    },
    good: {
      'git_sidecar_worktree_changed_files{instance="a"}': steady(0),
      'git_sidecar_worktree_untracked_files{instance="a"}': steady(0),
    },
  },
  GitSidecarHookFailing: {
    bad: { 'git_sync_hook_run_count_total{instance="a",name="exechook",status="error"}': growing(1) },
    good: { 'git_sync_hook_run_count_total{instance="a",name="exechook",status="success"}': growing(1) },
  },
  GitSidecarIdentityFailing: {
    bad: { 'git_sidecar_identity_count_total{instance="a",identity="vault",status="error"}': growing(1) },
    good: { 'git_sidecar_identity_count_total{instance="a",identity="vault",status="success"}': growing(1) },
  },
  GitSidecarRelayUnreachable: {
    bad: { 'git_sidecar_relay_connected{instance="a"}': steady(0) },
    good: { 'git_sidecar_relay_connected{instance="a"}': '0x5 1x55' },
  },
  GitSidecarDeploymentFailed: {
    bad: { 'git_sidecar_deployments_total{instance="a",outcome="rolled-back"}': '0x55 1x5' },
    good: { 'git_sidecar_deployments_total{instance="a",outcome="deployed"}': growing(1) },
  },
  GitSidecarProcessRestarting: {
    bad: { 'git_sidecar_process_restarts{instance="a"}': growing(1) },
    good: { 'git_sidecar_process_restarts{instance="a"}': steady(1) },
  },
  GitSidecarRelayUpstreamStale: {
    bad: { 'git_sidecar_relay_upstream_age_seconds{instance="a",repository="r"}': growing(60) },
    good: { 'git_sidecar_relay_upstream_age_seconds{instance="a",repository="r"}': steady(30) },
  },
  GitSidecarRelayTipRefused: {
    bad: { 'git_sidecar_relay_verify_refused{instance="a",repository="r"}': steady(1) },
    good: { 'git_sidecar_relay_verify_refused{instance="a",repository="r"}': steady(0) },
  },
  GitSidecarRelayRefusing: {
    bad: { 'git_sidecar_relay_refused_total{instance="a",what="requests"}': growing(600) },
    good: { 'git_sidecar_relay_refused_total{instance="a",what="requests"}': growing(6) },
  },
  GitSidecarInstancesBehind: {
    bad: {
      'git_sidecar_relay_behind{instance="a"}': steady(2),
      'git_sidecar_rollouts{instance="a",status="complete"}': steady(1),
      'git_sidecar_rollouts{instance="a",status="running"}': steady(0),
    },
    // A rollout has its reasons.
    good: {
      'git_sidecar_relay_behind{instance="a"}': steady(2),
      'git_sidecar_rollouts{instance="a",status="running"}': steady(1),
    },
  },
  GitSidecarRolloutHalted: {
    bad: { 'git_sidecar_rollouts{instance="a",status="halted"}': steady(1) },
    good: {
      'git_sidecar_rollouts{instance="a",status="running"}': steady(1),
      'git_sidecar_rollouts{instance="a",status="halted"}': steady(0),
    },
  },
  GitSidecarRolloutPausedLong: {
    bad: { 'git_sidecar_rollouts{instance="a",status="paused"}': '1x1500' },
    good: { 'git_sidecar_rollouts{instance="a",status="paused"}': '1x1000 0x500' },
  },
};

function promtool(args: readonly string[], files: Readonly<Record<string, string>> = {}): string {
  const cwd = tempDir();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd, encoding: 'utf8', timeout: 60_000 });
  return status === 0 ? '' : `${stdout}${stderr}`;
}

/** A test of promtool's that passes when just these instances are alerted. */
function unitTest(alert: string, series: Readonly<Record<string, string>>): string {
  const minutes = Number(/(\d+)$/.exec(Object.values(series)[0] ?? '')?.[1] ?? 60) > 100 ? 1500 : 60;
  return JSON.stringify({
    rule_files: [RULES],
    tests: [
      {
        interval: '1m',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        promql_expr_test: [
          {
            expr: `count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)`,
            eval_time: `${minutes - 1}m`,
            exp_samples: [{ labels: '{}', value: 1 }],
          },
        ],
      },
    ],
  });
}

describe.skipIf(missing('promtool'))('the rules for Prometheus', () => {
  test('they are rules that Prometheus takes', () => {
    expect(promtool(['check', 'rules', RULES])).toBe('');
  });

  test('there is a scene for each alert', () => {
    expect(Object.keys(SCENES)).toEqual(ALERT_GROUPS.flatMap(({ alerts }) => alerts.map(({ name }) => name)));
  });

  test.each(Object.entries(SCENES))('%s is raised when it should be, and not else', (alert, { bad, good }) => {
    expect(promtool(['test', 'rules', 't.yaml'], { 't.yaml': unitTest(alert, bad) })).toBe('');
    expect(promtool(['test', 'rules', 't.yaml'], { 't.yaml': unitTest(alert, good) })).toContain('FAILED');
  });

  test('every query of the dashboard is one that Prometheus understands', () => {
    const queries = ROWS.flatMap(({ panels }) => panels.flatMap(({ queries: all }) => all.map(({ expr }) => expr)));
    const rules = queries.map((expr, index) => ({
      record: `query:${index}`,
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
    }));
    const text = JSON.stringify({ groups: [{ name: 'dashboard', rules }] });
    expect(promtool(['check', 'rules', '--lint=none', 'r.yaml'], { 'r.yaml': text })).toBe('');
  });
});
