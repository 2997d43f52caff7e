<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** The counters that this PHP sees. */
final class MetricsCommand extends Command
{
    public static function description(): string
    {
        return "prints the counters in OpenMetrics' text: of all workers with rustredis.metrics_file, else of the command itself";
    }

    public function run(Input $input, Output $output): int
    {
        self::needs('rustredis_metrics');
        if ((string) ini_get('rustredis.metrics_file') === '') {
            $output->note("These are the counters of the command itself: those of the workers are in a page of the web server's PHP that prints rustredis_metrics().");
        }
        $text = rustredis_metrics();
        if (!$output->json) {
            $output->raw($text);
            return 0;
        }
        $samples = [];
        foreach (explode("\n", $text) as $line) {
            if (preg_match('/^([a-z_]+(?:\{.*\})?) (\S+)$/', $line, $found)) {
                $samples[$found[1]] = (float) $found[2];
            }
        }
        $output->data($samples);
        return 0;
    }
}
