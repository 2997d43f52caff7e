<?php

declare(strict_types=1);

namespace RustRedis\Command;

/**
 * Standard output and standard error. PHP's own output is not used: it would send headers, after which PHP takes no other
 * session.save_path.
 */
final class Output
{
    private const COLOURS = ['red' => '31', 'green' => '32', 'yellow' => '33', 'bold' => '1', 'dim' => '2'];

    /** Characters that steer a terminal, or turn the order of a text round. */
    private const UNSEEN = '/[\p{Cc}\p{Cf}\x{2028}\x{2029}]/u';

    private bool $colours;
    /** The width of the bar on the terminal. */
    private int $bar = 0;
    /** The rows that are left on the terminal, and its columns, if it is a screen. */
    private int $rows = PHP_INT_MAX;
    private int $columns = PHP_INT_MAX;

    public function __construct(public readonly bool $json, private bool $quiet, ?bool $ansi)
    {
        $this->colours = $ansi ?? (getenv('NO_COLOR') === false || getenv('NO_COLOR') === '')
            && getenv('TERM') !== 'dumb' && stream_isatty(STDOUT);
    }

    public function line(string $text = ''): void
    {
        if (!$this->quiet && $this->rows > 0) {
            self::write($this->cut($text) . "\n");
            $this->rows--;
        }
    }

    /** Clears the terminal. The next lines are cut to its size: those that it would scroll away first matter most. */
    public function clearScreen(): void
    {
        [$rows, $this->columns] = self::size();
        // The cursor stands in the last row.
        $this->rows = $rows - 1;
        self::write("\e[H\e[2J");
    }

    /** @return array{int, int} the rows and columns of the terminal */
    private static function size(): array
    {
        $process = @proc_open(['stty', 'size'], [['file', '/dev/tty', 'r'], ['pipe', 'w'], ['file', '/dev/null', 'w']], $pipes);
        $text = is_resource($process) ? (string) stream_get_contents($pipes[1]) : '';
        if (is_resource($process)) {
            proc_close($process);
        }
        [$rows, $columns] = array_map(intval(...), explode(' ', trim($text))) + [0, 0];
        return [$rows > 1 ? $rows : ((int) getenv('LINES') ?: 24), $columns > 1 ? $columns : ((int) getenv('COLUMNS') ?: 80)];
    }

    private function cut(string $text): string
    {
        if (self::width($text) <= $this->columns) {
            return $text;
        }
        $cut = '';
        $left = $this->columns - 1;
        preg_match_all('/\e\[[0-9;]*m|./su', $text, $found);
        foreach ($found[0] as $part) {
            // A colour has no width.
            if ($part[0] === "\e" || --$left >= 0) {
                $cut .= $part;
            }
        }
        return "$cut…";
    }

    /** Bytes as they are. */
    public function raw(string $bytes): void
    {
        self::write($bytes);
    }

    /** Somebody's data: a terminal gets its control characters in a form that it does not obey. */
    public function content(string $bytes): void
    {
        if (stream_isatty(STDOUT)) {
            $code = static fn (array $found): string => sprintf('\x%02x', ord($found[0]));
            $bytes = preg_match('//u', $bytes) ? $bytes : (string) preg_replace_callback('/[\x80-\xff]/', $code, $bytes);
            $bytes = (string) preg_replace_callback(self::UNSEEN,
                static fn (array $found): string => in_array($found[0], ["\n", "\t"], true) ? $found[0] : self::escaped($found[0]), $bytes);
        }
        self::write($bytes);
    }

    /** A character as JSON can have it. */
    private static function escaped(string $character): string
    {
        return $character === "\x7f" ? '\u007f' : trim((string) json_encode($character), '"');
    }

    /** A remark that is no part of the result. */
    public function note(string $text): void
    {
        if (!$this->quiet) {
            $this->clearBar();
            fwrite(STDERR, $text . "\n");
        }
    }

    public function error(string $text): void
    {
        $this->clearBar();
        fwrite(STDERR, $text . "\n");
    }

    /** @param array<mixed> $data */
    public function data(array $data): void
    {
        $flags = JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE
            | JSON_PRESERVE_ZERO_FRACTION;
        $text = json_encode($data, $flags | JSON_THROW_ON_ERROR);
        $text = preg_replace_callback('/(?!\n)' . substr(self::UNSEEN, 1),
            static fn (array $found): string => self::escaped($found[0]), $text);
        self::write($text . "\n");
    }

    public function style(string $colour, string $text): string
    {
        return $this->colours ? "\e[" . self::COLOURS[$colour] . "m$text\e[0m" : $text;
    }

    /**
     * @param list<string> $head
     * @param list<list<string>> $rows
     */
    public function table(array $head, array $rows): void
    {
        $widths = array_map(self::width(...), $head);
        foreach ($rows as $row) {
            foreach ($row as $i => $cell) {
                $widths[$i] = max($widths[$i], self::width($cell));
            }
        }
        $pad = static fn (string $cell, int $width): string => $cell . str_repeat(' ', max(0, $width - self::width($cell)));
        $this->line(rtrim($this->style('bold', implode('  ', array_map($pad, $head, $widths)))));
        foreach ($rows as $row) {
            $this->line(rtrim(implode('  ', array_map($pad, $row, $widths))));
        }
    }

    /** A bar on the terminal that standard error is, about once for each call. */
    public function progress(int $done, ?int $total): void
    {
        if ($this->quiet || $this->json || getenv('TERM') === 'dumb' || !stream_isatty(STDERR)) {
            return;
        }
        $share = $total ? min(1.0, $done / $total) : 0.0;
        $full = (int) floor($share * 28);
        $bar = ' ' . number_format($done) . ($total ? '/' . number_format($total) : '');
        $bar .= $total ? ' [' . str_repeat('=', $full) . str_repeat('-', 28 - $full) . ']' . sprintf('%4d%%', $share * 100) : '';
        fwrite(STDERR, "\r" . str_pad($bar, $this->bar));
        $this->bar = strlen($bar);
    }

    public function clearBar(): void
    {
        if ($this->bar > 0) {
            fwrite(STDERR, "\r" . str_repeat(' ', $this->bar) . "\r");
            $this->bar = 0;
        }
    }

    /** A text of someone else as one line without control characters. */
    public static function plain(string $text): string
    {
        $text = preg_match('//u', $text) ? $text : (string) preg_replace('/[\x80-\xff]/', '?', $text);
        return (string) preg_replace(self::UNSEEN, '?', $text);
    }

    /** Writes to standard output, and ends the command if that fails: as SIGPIPE does, if its reader has read enough. */
    public static function write(string $bytes): void
    {
        error_clear_last();
        // Another program that shares the pipe or the terminal may have made it non-blocking.
        @stream_set_blocking(STDOUT, true);
        if (@fwrite(STDOUT, $bytes) === strlen($bytes)) {
            return;
        }
        if (str_contains(error_get_last()['message'] ?? '', 'errno=32')) {
            exit(141);
        }
        fwrite(STDERR, "rustredis: Standard output cannot be written: is the disk full?\n");
        exit(1);
    }

    private static function width(string $text): int
    {
        $text = (string) preg_replace('/\e\[[0-9;]*m/', '', $text);
        return (int) preg_match_all('/./su', $text) ?: strlen($text);
    }
}
