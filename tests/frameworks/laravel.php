<?php
// Laravel's application and HTTP kernel with the middleware of sessions. LARAVEL says how its sessions
// come to Redis:
//
//   always, routes, never   the package in integrations/laravel, found as Composer's packages are, with
//                           this value of session.rustredis.locking
//   plain                   Session::extend() with the extension's class, and no package
//   redis                   Laravel's own driver; LARAVEL_BLOCK=1 has all routes block
declare(strict_types=1);

require_once 'Illuminate/autoload.php';
require __DIR__ . '/visit.php';

use Illuminate\Cache\CacheServiceProvider;
use Illuminate\Config\Repository;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Contracts\Http\Kernel as KernelContract;
use Illuminate\Cookie\CookieServiceProvider;
use Illuminate\Cookie\Middleware\AddQueuedCookiesToResponse;
use Illuminate\Encryption\EncryptionServiceProvider;
use Illuminate\Filesystem\FilesystemServiceProvider;
use Illuminate\Foundation\Application;
use Illuminate\Foundation\Bootstrap;
use Illuminate\Foundation\Exceptions\Handler;
use Illuminate\Foundation\Http\Kernel;
use Illuminate\Foundation\Http\Middleware\VerifyCsrfToken;
use Illuminate\Http\Request;
use Illuminate\Redis\RedisServiceProvider;
use Illuminate\Session\Middleware\StartSession;
use Illuminate\Session\SessionServiceProvider;
use Illuminate\Support\Facades\Route;
use Illuminate\Translation\TranslationServiceProvider;
use Illuminate\View\ViewServiceProvider;

$package = dirname(__DIR__, 2) . '/integrations/laravel';
spl_autoload_register(static function (string $class) use ($package): void {
    if (str_starts_with($class, 'RustRedis\\Laravel\\')) {
        require $package . '/src/' . substr($class, strlen('RustRedis\\Laravel\\')) . '.php';
    }
});

final class LaravelVisit implements Visit
{
    public function __construct(private Illuminate\Contracts\Session\Session $session)
    {
    }

    public function get(string $name): mixed
    {
        return $this->session->get($name);
    }

    public function set(string $name, mixed $value): void
    {
        $this->session->put($name, $value);
    }

    /** As Auth::login() does. */
    public function login(): void
    {
        $this->session->migrate(true);
    }

    public function logout(): void
    {
        $this->session->invalidate();
    }
}

final class HttpKernel extends Kernel
{
    protected $bootstrappers = [
        Bootstrap\HandleExceptions::class,
        Bootstrap\RegisterFacades::class,
        Bootstrap\RegisterProviders::class,
        Bootstrap\BootProviders::class,
    ];

    protected $middlewareGroups = [
        'web' => [AddQueuedCookiesToResponse::class, StartSession::class, VerifyCsrfToken::class],
    ];
}

/** The same middleware without its last step. */
function precognitive(Application $app, string $middleware): StartSession
{
    class_alias($middleware, 'AnyStartSession');
    eval('final class PrecognitiveStartSession extends AnyStartSession { protected function saveSession($request) {} }');
    return new PrecognitiveStartSession($app->make(Illuminate\Session\SessionManager::class));
}

$mode = getenv('LARAVEL');
$folder = getenv('APP_DIR');
$server = parse_url(getenv('SAVE_PATH'));
$own = $mode === 'redis';
$config = [
    'app' => [
        'env' => 'production',
        'debug' => false,
        'key' => str_repeat('k', 32),
        'cipher' => 'AES-256-CBC',
        'locale' => 'en',
        'fallback_locale' => 'en',
        'providers' => [
            CacheServiceProvider::class,
            CookieServiceProvider::class,
            EncryptionServiceProvider::class,
            FilesystemServiceProvider::class,
            RedisServiceProvider::class,
            SessionServiceProvider::class,
            TranslationServiceProvider::class,
            ViewServiceProvider::class,
        ],
    ],
    'cache' => ['default' => 'redis', 'prefix' => 'cache', 'stores' => ['redis' => ['driver' => 'redis', 'connection' => 'default']]],
    'database' => ['redis' => [
        'client' => getenv('LARAVEL_CLIENT') ?: 'phpredis',
        'options' => ['prefix' => ''],
        'default' => ['host' => $server['host'], 'port' => $server['port'], 'password' => null, 'database' => '0', 'persistent' => true],
    ]],
    'logging' => [
        'default' => 'errorlog',
        'deprecations' => 'null',
        'channels' => [
            'errorlog' => ['driver' => 'errorlog'],
            'null' => ['driver' => 'monolog', 'handler' => Monolog\Handler\NullHandler::class],
        ],
    ],
    'session' => [
        'driver' => $own ? 'redis' : 'rustredis',
        'connection' => $own ? 'default' : null,
        'store' => null,
        'lifetime' => 120,
        'lottery' => [2, 100],
        'cookie' => 'laravel_session',
        'path' => '/',
        'domain' => null,
        'secure' => false,
        'http_only' => true,
        'same_site' => 'lax',
        'expire_on_close' => false,
        'encrypt' => false,
        'block' => (bool) getenv('LARAVEL_BLOCK'),
        'block_store' => 'redis',
        'rustredis' => ['locking' => $mode, 'connection' => 'default'],
    ],
    'view' => ['paths' => [], 'compiled' => $folder],
];

// What Composer and a deployment leave.
if (!is_dir("$folder/bootstrap/cache")) {
    foreach (["$folder/bootstrap/cache", "$folder/vendor/composer"] as $new) {
        is_dir($new) || @mkdir($new, recursive: true);
    }
    $packages = $own || $mode === 'plain' ? [] : [json_decode(file_get_contents("$package/composer.json"), true)];
    file_put_contents("$folder/installed", json_encode(['packages' => $packages]));
    rename("$folder/installed", "$folder/vendor/composer/installed.json");
}

$app = new Application($folder);
$app->instance('config', new Repository($config));
$app->detectEnvironment(fn () => 'production');
$app->singleton(KernelContract::class, HttpKernel::class);
$app->singleton(ExceptionHandler::class, Handler::class);
$app->booted(function () use ($app, $mode): void {
    if ($mode === 'plain') {
        $app->make('session')->extend('rustredis', fn ($app) => new RustRedis\SessionHandler(
            getenv('SAVE_PATH'),
            ['ttl' => $app['config']['session.lifetime'] * 60],
        ));
    }
    $page = fn (Request $request) => carry_out(new LaravelVisit($request->session()));
    // Newer versions read the session of a precognitive request, and never write it.
    $app->extend(StartSession::class, function (StartSession $middleware, $app) {
        return ($_GET['do'] ?? '') === 'precognitive' ? precognitive($app, $middleware::class) : $middleware;
    });
    Route::get('/{any?}', $page)->middleware('web')->where('any', '.*');
});
$kernel = $app->make(KernelContract::class);
$request = Request::capture();
$response = $kernel->handle($request)->send();
$kernel->terminate($request, $response);
