<?php
// The driver for CodeIgniter 4 as PHP's save handler. CodeIgniter itself is not in Debian: the two
// classes here have of its own what the driver uses.
declare(strict_types=1);

namespace Config {
    class Session
    {
        public string $cookieName = 'ci_session';
        public int $expiration = 7200;
        public string $savePath = '';
        public bool $matchIP = false;
    }
}

namespace CodeIgniter\Session\Handlers {
    abstract class BaseHandler implements \SessionHandlerInterface
    {
        protected $matchIP = false;
        protected $savePath;
        protected $ipAddress;
        protected $cookieName;

        public function __construct(\Config\Session $config, string $ipAddress)
        {
            [$this->cookieName, $this->matchIP, $this->savePath] = [$config->cookieName, $config->matchIP, $config->savePath];
            $this->ipAddress = $ipAddress;
        }

        protected function destroyCookie(): bool
        {
            return setcookie($this->cookieName, '', 1, '/');
        }
    }
}

namespace {
    require __DIR__ . '/visit.php';
    require dirname(__DIR__, 2) . '/integrations/codeigniter4/src/RustRedisHandler.php';

    $config = new Config\Session();
    $config->savePath = getenv('SAVE_PATH');
    ini_set('session.name', $config->cookieName);
    ini_set('session.save_path', $config->savePath);
    ini_set('session.gc_maxlifetime', (string) $config->expiration);
    session_set_save_handler(new RustRedis\CodeIgniter\RustRedisHandler($config, $_SERVER['REMOTE_ADDR']), true);
    if (!session_start()) {
        http_response_code(500);
        exit;
    }
    if (($_GET['do'] ?? '') === 'renew') {
        // Session::regenerate() with $regenerateDestroy = false
        session_regenerate_id(false);
    } elseif (isset($_GET['ajax']) && ($_COOKIE[$config->cookieName] ?? '') === session_id()) {
        // Session::start(): the id is never renewed here, and the cookie gets a new time.
        setcookie($config->cookieName, session_id(), time() + $config->expiration, '/');
    }
    echo json_encode(carry_out(new NativeVisit()));
}
