<?php
// Symfony's full stack with one bundle and one controller. HANDLER is the class of the save handler, or
// `redis` for Symfony's own with phpredis; without it `handler_id` is null, and PHP's own settings choose
// the handler.
declare(strict_types=1);

require_once 'Symfony/Bundle/FrameworkBundle/autoload.php';
require __DIR__ . '/composer.php';
require __DIR__ . '/visit.php';

use Symfony\Bundle\FrameworkBundle\FrameworkBundle;
use Symfony\Bundle\FrameworkBundle\Kernel\MicroKernelTrait;
use Symfony\Component\DependencyInjection\Loader\Configurator\ContainerConfigurator;
use Symfony\Component\HttpFoundation\JsonResponse;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Session\SessionInterface;
use Symfony\Component\HttpFoundation\Session\Storage\Handler\RedisSessionHandler;
use Symfony\Component\HttpKernel\Kernel;
use Symfony\Component\Routing\Loader\Configurator\RoutingConfigurator;

use function Symfony\Component\DependencyInjection\Loader\Configurator\service;

final class SymfonyVisit implements Visit
{
    public function __construct(private SessionInterface $session)
    {
    }

    public function get(string $name): mixed
    {
        return $this->session->get($name);
    }

    public function set(string $name, mixed $value): void
    {
        $this->session->set($name, $value);
    }

    public function login(): void
    {
        $this->session->migrate(true);
    }

    public function logout(): void
    {
        $this->session->invalidate();
    }
}

final class App extends Kernel
{
    use MicroKernelTrait;

    public function registerBundles(): iterable
    {
        return [new FrameworkBundle()];
    }

    public function getProjectDir(): string
    {
        return getenv('APP_DIR');
    }

    public function page(Request $request): JsonResponse
    {
        $session = $request->getSession();
        // As a firewall does before the controller. On a session that was not started, migrate() and
        // invalidate() would do nothing.
        $session->start();
        return new JsonResponse(carry_out(new SymfonyVisit($session)));
    }

    protected function configureContainer(ContainerConfigurator $container): void
    {
        $handler = getenv('HANDLER') ?: null;
        if ($handler === 'redis') {
            $handler = RedisSessionHandler::class;
            $server = parse_url(getenv('SAVE_PATH'));
            $container->services()->set('redis', Redis::class)->call('pconnect', [$server['host'], $server['port']]);
            $container->services()->set($handler)->args([service('redis')]);
        } elseif ($handler !== null) {
            $container->services()->set($handler);
        }
        $container->extension('framework', [
            'secret' => 'not a secret',
            'session' => [
                'handler_id' => $handler,
                'storage_factory_id' => 'session.storage.factory.native',
                'metadata_update_threshold' => 120,
            ],
        ]);
    }

    protected function configureRoutes(RoutingConfigurator $routes): void
    {
        $routes->add('page', '/{any}')->requirements(['any' => '.*'])->controller([$this, 'page']);
    }
}

$app = new App('prod', false);
$request = Request::createFromGlobals();
$response = $app->handle($request);
$response->send();
$app->terminate($request, $response);
