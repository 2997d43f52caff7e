<?php
// phpMyAdmin's own start of a request, by a route that needs no database. Its login calls
// Session::secure(), as this page does.
declare(strict_types=1);

use PhpMyAdmin\Common;
use PhpMyAdmin\Session;

define('ROOT_PATH', getenv('PACKAGES') . '/usr/share/phpmyadmin/');
define('PHPMYADMIN', true);
require ROOT_PATH . 'libraries/constants.php';
require AUTOLOAD_FILE;
require __DIR__ . '/visit.php';

final class PhpMyAdminVisit extends NativeVisit
{
    public function login(): void
    {
        $n = $this->get('n');
        Session::secure();
        // phpMyAdmin takes nothing along, and the tests look at this.
        $this->set('n', $n);
    }
}

$_GET['route'] = $_REQUEST['route'] = '/import-status';
Common::run();
echo json_encode(carry_out(new PhpMyAdminVisit()));
