// The type of a dashboard of Grafana with the panels that contrib/grafana uses, made of Grafana's own
// types. scripts/check-dashboard puts the dashboard behind it.

import type * as grafana from '@grafana/schema';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

// JSON has the texts of Grafana's enumerations.
type Json<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Json<T[K]> } : T;

// Prometheus' queries: the published types leave them open.
interface Query extends grafana.DataQuery {
  datasource: grafana.DataSourceRef;
  editorMode: 'code';
  expr: string;
  legendFormat: string;
  range: true;
}

type Fields = Exclude<grafana.Panel['fieldConfig'], undefined>;

type PanelOf<Type extends string, Options, Custom> = Omit<grafana.Panel, 'type' | 'options' | 'targets' | 'fieldConfig'> & {
  type: Type;
  options: Partial<Options>;
  targets: Query[];
  fieldConfig: Omit<Fields, 'defaults'> & { defaults: Omit<Fields['defaults'], 'custom'> & { custom?: Custom } };
};

type Panel =
  | PanelOf<'stat', stat.Options, never>
  | PanelOf<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | (grafana.RowPanel & { type: 'row' });

export type Dashboard = Json<Omit<grafana.Dashboard, 'panels'> & { panels: Panel[] }>;
