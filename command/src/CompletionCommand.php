<?php

declare(strict_types=1);

namespace RustRedis\Command;

/** The completion of a shell. */
final class CompletionCommand extends Command
{
    public static function description(): string
    {
        return "prints bash's completion; eval \"$(rustredis completion)\" takes it";
    }

    public static function usage(): string
    {
        return '[SHELL]';
    }

    public static function words(): array
    {
        return ['bash'];
    }

    public function run(Input $input, Output $output): int
    {
        if (($input->argument(0) ?? 'bash') !== 'bash') {
            throw Failure::usage('Only the completion of bash is there.');
        }
        $output->raw(self::bash());
        return 0;
    }

    private static function bash(): string
    {
        $cases = '';
        foreach (Application::COMMANDS as $name => $class) {
            $cases .= "    $name) words='" . implode(' ', $class::words()) . "' options='" . self::names($class::options()) . "' ;;\n";
        }
        $commands = implode(' ', array_keys(Application::COMMANDS));
        $options = self::names(Application::OPTIONS);
        return <<<END
            # bash completion for rustredis, as `rustredis completion` prints it
            _rustredis() {
              local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command='' words='' options='' i
              for ((i = 1; i < COMP_CWORD; i++)); do
                case \${COMP_WORDS[i]} in
                  --ini | --pool | --save-path) ((i++)) ;;
                  -*) ;;
                  *) command=\${COMP_WORDS[i]}; break ;;
                esac
              done
              case \$command in
                '') words='$commands help' ;;
            $cases  esac
              case \$before in
                --ini | --pool | --project) mapfile -t COMPREPLY < <(compgen -f -- "\$current"); return ;;
                --save-path | --from | --from-prefix | --interval | --workers | --servers | --handle) return ;;
              esac
              if [[ \$current == -* ]]; then
                words="\$options $options"
              elif [[ \$command == export || \$command == import ]]; then
                mapfile -t COMPREPLY < <(compgen -f -- "\$current"); return
              fi
              mapfile -t COMPREPLY < <(compgen -W "\$words" -- "\$current")
            }
            complete -F _rustredis rustredis

            END;
    }

    /** @param array<string, array{?string, string}> $options */
    private static function names(array $options): string
    {
        return implode(' ', array_map(static fn (string $name): string => "--$name", array_keys($options)));
    }
}
