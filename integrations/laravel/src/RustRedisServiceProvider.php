<?php

declare(strict_types=1);

namespace RustRedis\Laravel;

use Illuminate\Contracts\Cache\Factory as CacheFactory;
use Illuminate\Contracts\Config\Repository;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Contracts\Foundation\Application;
use Illuminate\Session\Middleware\StartSession as LaravelsStartSession;
use Illuminate\Session\SessionManager;
use Illuminate\Support\ServiceProvider;
use InvalidArgumentException;
use RustRedis\SessionHandler;
use Throwable;

/**
 * Adds the session driver `rustredis`, and the middleware that gives its locks back.
 */
final class RustRedisServiceProvider extends ServiceProvider
{
    public function boot(): void
    {
        // Laravel has bound its own middleware in register(). All groups and kernels name that class.
        $this->app->singleton(LaravelsStartSession::class, static fn ($app) => new StartSession(
            $app->make(SessionManager::class),
            static fn () => $app->make(CacheFactory::class),
        ));
        $this->app->make('session')->extend('rustredis', static fn ($app) => self::handler($app));
    }

    /** @param Application $app */
    private static function handler($app): Handler
    {
        $config = $app->make('config');
        $settings = $config->get('session.rustredis', []);
        $locking = Locking::from($settings['locking'] ?? 'always');
        [$savePath, $options] = self::server($config, $settings);
        if (isset($settings['prefix'])) {
            $options['prefix'] = $settings['prefix'];
        }
        $options['ttl'] = (int) ($config->get('session.lifetime') * 60);
        $options['locking'] = $locking === Locking::Always;
        return new Handler(
            new SessionHandler($savePath, $options),
            $locking,
            static function (Throwable $exception) use ($app): void {
                $app->make(ExceptionHandler::class)->report($exception);
            },
        );
    }

    /**
     * The server, and the options that have its user and password, which belong in no path.
     *
     * @return array{?string, array<string, scalar>}
     */
    private static function server(Repository $config, array $settings): array
    {
        if (isset($settings['save_path'])) {
            return [$settings['save_path'], $settings['options'] ?? []];
        }
        if (!isset($settings['connection'])) {
            // php.ini's session.save_path.
            return [null, $settings['options'] ?? []];
        }
        $name = 'database.redis.' . $settings['connection'];
        $connection = $config->get($name);
        if (!is_array($connection) || isset($connection['url']) || !isset($connection['host'])) {
            throw new InvalidArgumentException(
                "session.rustredis.connection: $name has no host: write the server into session.rustredis.save_path",
            );
        }
        return self::connection($connection, $settings['options'] ?? []);
    }

    /** @return array{string, array<string, scalar>} */
    private static function connection(array $connection, array $options): array
    {
        $host = $connection['host'];
        $scheme = $connection['scheme'] ?? 'tcp';
        if ($scheme === 'unix' || str_starts_with($host, '/')) {
            $path = 'unix://' . ($connection['path'] ?? $host);
        } else {
            $host = str_contains($host, ':') && $host[0] !== '[' ? "[$host]" : $host;
            $path = "$scheme://$host:" . ($connection['port'] ?? 6379);
        }
        if (!empty($connection['database'])) {
            $path .= '?database=' . (int) $connection['database'];
        }
        foreach (['username', 'password'] as $name) {
            if (($connection[$name] ?? '') !== '') {
                $options[$name] = $connection[$name];
            }
        }
        return [$path, $options];
    }
}
