<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** The counters of all workers. */
final class MetricsCommand extends Command
{
    public static function description(): string
    {
        return "prints the counters of all workers in OpenMetrics' text (those of rustredis.metrics_file)";
    }

    public function run(Input $input, Output $output): int
    {
        self::needs('rustredis_metrics');
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
