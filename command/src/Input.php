<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** The arguments and options of a command, checked against those that it takes. */
final class Input
{
    /**
     * @param list<string> $arguments
     * @param array<string, string|true> $options
     */
    private function __construct(private array $arguments, private array $options)
    {
    }

    /**
     * Reads words as Symfony's Console does: `--name`, `--name=value`, `--name value`, `-x`, and `--` before arguments.
     *
     * @param list<string> $words
     * @param array<string, ?string> $known the options: the name of the value, or null for a flag
     * @param array<string, string> $short the letters of flags
     */
    public static function parse(array $words, array $known, array $short): self
    {
        $arguments = $options = [];
        while ($words !== []) {
            $word = (string) array_shift($words);
            if ($word === '--') {
                array_push($arguments, ...$words);
                break;
            }
            if (str_starts_with($word, '--')) {
                [$name, $value] = array_pad(explode('=', substr($word, 2), 2), 2, null);
            } elseif (strlen($word) === 2 && $word[0] === '-') {
                // A longer word is the id of a session: one of 64 begins with a dash.
                [$name, $value] = [$short[$word] ?? '', null];
                if ($name === '') {
                    throw Failure::usage("There is no option $word.");
                }
            } else {
                $arguments[] = $word;
                continue;
            }
            if (!array_key_exists($name, $known)) {
                throw Failure::usage('There is no option' . self::shown($name, '--') . '. Write -- before an id that begins with a dash.');
            }
            if ($known[$name] === null) {
                if ($value !== null) {
                    throw Failure::usage("The option --$name takes no value.");
                }
                $options[$name] = true;
                continue;
            }
            $value ??= array_shift($words);
            if ($value === null || $value === '') {
                throw Failure::usage("The option --$name needs a value.");
            }
            $options[$name] = $value;
        }
        return new self($arguments, $options);
    }

    /** A word for a message, if it cannot be the id of a session. */
    public static function shown(string $word, string $before = ''): string
    {
        return preg_match('/^[a-z][a-z-]{0,14}$/D', $word) ? " $before$word" : ' of this name';
    }

    public function has(string $option): bool
    {
        return isset($this->options[$option]);
    }

    public function option(string $name): ?string
    {
        $value = $this->options[$name] ?? null;
        return is_string($value) ? $value : null;
    }

    /** An option that may have a password: other users see a command line, so `-` stands for a line of standard input. */
    public function path(string $name, string $what): ?string
    {
        $path = $this->option($name);
        return $path === '-' ? self::line($what) : $path;
    }

    /** The next line of standard input. */
    public static function line(string $what): string
    {
        if (stream_isatty(STDIN)) {
            fwrite(STDERR, "$what: ");
        }
        $line = rtrim((string) fgets(STDIN), "\r\n");
        return $line !== '' ? $line : throw Failure::usage("$what is missing on standard input.");
    }

    /** An option that is a number from 1 on. */
    public function number(string $name, int $default): int
    {
        $text = $this->option($name);
        if ($text === null) {
            return $default;
        }
        if (!preg_match('/^[1-9][0-9]{0,8}$/', $text)) {
            throw Failure::usage("--$name is a number from 1 on.");
        }
        return (int) $text;
    }

    /** @return list<string> */
    public function arguments(): array
    {
        return $this->arguments;
    }

    public function argument(int $place): ?string
    {
        return $this->arguments[$place] ?? null;
    }

    public function required(int $place, string $what): string
    {
        return $this->arguments[$place] ?? throw Failure::usage("$what is missing.");
    }

    /** The input without its first argument. */
    public function shifted(): self
    {
        return new self(array_slice($this->arguments, 1), $this->options);
    }
}
