<?php
// A plugin with a session of its own.

if (!wp_installing()) {
    add_action('init', static fn () => session_start() || wp_die('no session', '', 500), 1);
    add_action('wp_login', static fn () => session_regenerate_id(true));
    add_action('wp_logout', static function () {
        $_SESSION = [];
        session_destroy();
    });
}
