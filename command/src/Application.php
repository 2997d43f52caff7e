<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** The command line: options of all commands, help, and the exit status. */
final class Application
{
    /** @var array<string, class-string<Command>> */
    public const COMMANDS = [
        'status' => StatusCommand::class,
        'doctor' => DoctorCommand::class,
        'count' => CountCommand::class,
        'top' => TopCommand::class,
        'user' => UserCommand::class,
        'revoke' => RevokeCommand::class,
        'show' => ShowCommand::class,
        'lock' => LockCommand::class,
        'unlock' => UnlockCommand::class,
        'aside' => AsideCommand::class,
        'export' => ExportCommand::class,
        'import' => ImportCommand::class,
        'metrics' => MetricsCommand::class,
        'completion' => CompletionCommand::class,
    ];

    /** The options of all commands. @var array<string, array{?string, string}> */
    public const OPTIONS = [
        'ini' => ['FILE', "the php.ini to use, such as that of the web server's PHP"],
        'pool' => ['FILE', "an FPM pool's file (FILE:NAME if it has several): its settings of sessions, and pm.max_children"],
        'save-path' => ['PATH', 'another session.save_path (- reads it from standard input, where no other user sees it)'],
        'json' => [null, 'JSON for programs'],
        'help' => [null, 'this text (-h)'],
        'version' => [null, 'the version of the extension (-V)'],
        'quiet' => [null, 'nothing but failures (-q)'],
        'no-interaction' => [null, 'asks nothing (-n)'],
        'ansi' => [null, 'colours, also where the output is no terminal'],
        'no-ansi' => [null, 'no colours; so does NO_COLOR'],
    ];

    private const SHORT = ['-h' => 'help', '-V' => 'version', '-q' => 'quiet', '-n' => 'no-interaction'];

    public function __construct(private string $script)
    {
    }

    /**
     * @param list<string> $words
     * @return int the exit status
     */
    public function run(array $words): int
    {
        try {
            // A warning of PHP or of the extension is no part of the output.
            ini_set('display_errors', 'stderr');
            ini_set('html_errors', '0');
            // That of a web server is too little for a page of large sessions.
            ini_set('memory_limit', '-1');
            if (session_status() === PHP_SESSION_ACTIVE) {
                // session.auto_start: nobody is to wait for this session, and it is not stored.
                session_abort();
            }
            return $this->dispatch($words);
        } catch (Failure $failure) {
            fwrite(STDERR, 'rustredis: ' . $failure->getMessage() . "\n");
            return $failure->getCode() ?: 1;
        } catch (\RustRedis\SessionException $failure) {
            fwrite(STDERR, $failure->getMessage() . "\n");
            return 1;
        } catch (\Throwable $failure) {
            // Its text, and the arguments of its trace, may be those of sessions.
            fwrite(STDERR, 'rustredis: This should not happen, and is an error of the command: ' . get_class($failure) . ' in '
                . basename($failure->getFile()) . ', line ' . $failure->getLine() . '.'
                . (ini_get('disable_functions') . ini_get('open_basedir') === '' ? '' : ' Look at disable_functions and open_basedir in php.ini.') . "\n");
            return 1;
        }
    }

    /** @param list<string> $words */
    private function dispatch(array $words): int
    {
        $class = null;
        $all = self::OPTIONS;
        foreach (self::COMMANDS as $of) {
            $all += $of::options();
        }
        foreach ($words as $i => $word) {
            // The value of an option may come before the command.
            $before = $words[$i - 1] ?? '';
            $is_value = str_starts_with($before, '--') && isset($all[substr($before, 2)][0]);
            if (!str_starts_with($word, '-') && !$is_value) {
                $class = self::COMMANDS[$word] ?? null;
                if ($class === null && !in_array($word, ['help', 'list'], true)) {
                    throw Failure::usage('There is no command' . Input::shown($word) . '.' . self::similar($word));
                }
                break;
            }
        }
        $known = self::OPTIONS + ($class === null ? [] : $class::options());
        $input = Input::parse($words, array_map(static fn (array $option) => $option[0], $known), self::SHORT);
        $named = $input->argument(0);
        $ansi = $input->has('ansi') ? true : ($input->has('no-ansi') ? false : null);
        $output = new Output($input->has('json'), $input->has('quiet'), $ansi);
        if ($input->has('version')) {
            $output->line('rustredis ' . (phpversion('phpsess_rs') ?: 'without its extension'));
            return 0;
        }
        if ($class === null || $named === null) {
            $this->help($output, $named === 'help' ? $input->argument(1) : null);
            return 0;
        }
        if (!isset(self::COMMANDS[$named])) {
            throw Failure::usage('The command comes first, and then its arguments.');
        }
        if ($input->has('help')) {
            $this->help($output, $named);
            return 0;
        }
        $ini = $input->option('ini');
        $pool = $input->option('pool');
        if ($ini !== null || $pool !== null) {
            Configuration::restart($this->script, $ini, $pool, self::without(self::without($words, '--ini'), '--pool'));
        }
        $path = $input->path('save-path', 'session.save_path');
        if ($path !== null) {
            Configuration::usePath($path);
        }
        $own = $input->shifted();
        if (count($own->arguments()) > $class::arguments()) {
            throw Failure::usage("$named takes " . ($class::arguments() === 0 ? 'no argument.' : "no argument after the first " . $class::arguments() . "."));
        }
        return (new $class())->run($own, $output);
    }

    /**
     * The words without an option and its value.
     *
     * @param list<string> $words
     * @return list<string>
     */
    private static function without(array $words, string $option): array
    {
        $left = [];
        for ($i = 0; $i < count($words); $i++) {
            if ($words[$i] === '--') {
                return [...$left, ...array_slice($words, $i)];
            }
            if ($words[$i] === $option) {
                $i++;
            } elseif (!str_starts_with($words[$i], "$option=")) {
                $left[] = $words[$i];
            }
        }
        return $left;
    }

    private static function similar(string $word): string
    {
        foreach (array_keys(self::COMMANDS) as $name) {
            if (levenshtein($word, $name) <= 2) {
                return " Is it $name?";
            }
        }
        return ' `rustredis help` lists them.';
    }

    private function help(Output $output, ?string $command): void
    {
        $class = $command === null ? null : (self::COMMANDS[$command] ?? throw Failure::usage('There is no command' . Input::shown($command) . '.'));
        if ($class === null) {
            $output->line("PHP's sessions in Redis, seen with PHP's own configuration.");
            $output->line();
            $output->line($output->style('bold', 'Usage:') . ' rustredis COMMAND [options]');
            $output->line();
            $output->line($output->style('bold', 'Commands:'));
            foreach (self::COMMANDS as $name => $of) {
                $output->line(sprintf('  %-12s %s', $name, $of::description()));
            }
        } else {
            $output->line(ucfirst($class::description()));
            $output->line();
            $output->line($output->style('bold', 'Usage:') . rtrim(" rustredis $command " . $class::usage()) . ' [options]');
        }
        $output->line();
        $output->line($output->style('bold', 'Options:'));
        foreach (($class === null ? [] : $class::options()) + self::OPTIONS as $name => [$value, $meaning]) {
            $output->line(sprintf('  %-22s %s', "--$name" . ($value === null ? '' : " $value"), $meaning));
        }
    }
}
