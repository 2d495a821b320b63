/**
 * What Prometheus scrapes. Loaded before everything else, as OpenTelemetry wants it, on a port of its own that the internet does not reach:
 *
 *   npx -y pnpm@12.21.0 start:metrics      # http://127.0.0.1:9464/metrics
 */
import { metrics } from '@opentelemetry/api'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'

const port = Number(process.env['METRICS_PORT'] || 9464)
const exporter = new PrometheusExporter({ host: '127.0.0.1', port })
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [exporter] }))
