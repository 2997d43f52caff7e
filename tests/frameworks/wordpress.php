<?php
// WordPress, with a plugin that starts PHP's session, as plugins do. `do=install` makes its tables.
declare(strict_types=1);

define('ABSPATH', getenv('PACKAGES') . '/usr/share/wordpress/');
define('WP_CONTENT_DIR', getenv('APP_DIR') . '/wp-content');
define('WPMU_PLUGIN_DIR', __DIR__ . '/wordpress');
define('DB_HOST', 'localhost:' . getenv('MARIADB'));
define('DB_NAME', 'wordpress');
define('DB_USER', 'anybody');
define('DB_PASSWORD', '');
define('DB_CHARSET', 'utf8mb4');
define('DISABLE_WP_CRON', true);
define('WP_HTTP_BLOCK_EXTERNAL', true);
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $key) {
    define("{$key}_KEY", $key);
    define("{$key}_SALT", "salt of $key");
}
$table_prefix = 'wp_';
$_SERVER += ['HTTP_HOST' => 'localhost', 'SERVER_NAME' => 'localhost', 'SERVER_PROTOCOL' => 'HTTP/1.1'];

require __DIR__ . '/visit.php';

final class WordPressVisit extends NativeVisit
{
    public function login(): void
    {
        $user = wp_signon(['user_login' => 'ann', 'user_password' => 'secret']);
        is_wp_error($user) and throw new RuntimeException($user->get_error_message());
    }

    public function logout(): void
    {
        wp_logout();
    }
}

if (($_GET['do'] ?? '') === 'install') {
    define('WP_INSTALLING', true);
    (new mysqli('localhost', DB_USER, '', '', 0, getenv('MARIADB')))->query('CREATE DATABASE wordpress');
    require ABSPATH . 'wp-settings.php';
    require ABSPATH . 'wp-admin/includes/upgrade.php';
    add_filter('pre_wp_mail', '__return_true');
    wp_install('A site', 'ann', 'ann@localhost', false, '', 'secret');
    echo json_encode(['n' => null]);
    exit;
}
require ABSPATH . 'wp-settings.php';
echo json_encode(carry_out(new WordPressVisit()));
