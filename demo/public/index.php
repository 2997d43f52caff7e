<?php

declare(strict_types=1);

require __DIR__ . '/../app.php';

$trips = fn (): int => rustredis_status()['trips'];
$before = $trips();
session_start();
$user = user();
$count = $_SESSION['count'] ?? 0;
$balance = $_SESSION['balance'] ?? null;
$seen = $_SESSION['seen'] ?? [];
$id = session_id();
$before_list = $trips();
$devices = $user === null ? [] : rustredis_user_sessions();
$for_list = $trips() - $before_list;
session_write_close();

$for_session = $trips() - $before - $for_list;

$python = python_sees($id);
$stored = stored($id);
$wrong = isset($_GET['wrong']);

/** The buttons of a logged-in user, for the pages of one machine. */
function buttons(string $at, string $suffix): void
{
    $form = fn (string $page, string $button, string $hidden = ''): string =>
        '<form method="post" action="' . e("$at$page$suffix") . '"><input type="hidden" name="back" value="' . machine() . '">'
        . "$hidden$button</form>\n";
    echo '<div class="actions">', $form('count', '<button>Count one</button>'),
        $form(
            'count',
            '<button class="light" title="It takes 3 seconds. Press it on both sides at once: both count">Slowly</button>',
            '<input type="hidden" name="hold_ms" value="3000">'
        ),
        $form('logout', '<button class="quiet">Log out</button>'), '</div>';
}
?>
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>One session, PHP and Python</title>
<link rel="stylesheet" href="style.css">
<body class="machine-<?= strtolower(machine()) ?>">
<header>
  <h1>One login. One session. <span>PHP and Python.</span></h1>
  <nav>You are on machine <b id="machine"><?= e(machine()) ?></b> · <a href="<?= e(url(other_machine())) ?>">go to machine <?= other_machine() ?></a></nav>
</header>
<main>
  <section class="card php">
    <h2>PHP <small><?= PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION ?> · machine <?= e(machine()) ?></small></h2>
    <code class="source">$_SESSION</code>
<?php if ($user === null): ?>
    <form method="post" action="login.php" id="login">
      <label>Name <input name="user" value="Ada" required maxlength="40" autofocus></label>
      <label>Password <input name="password" type="password" value="demo" required></label>
      <button>Log in</button>
      <?php if ($wrong): ?><p class="wrong" role="alert">The password of this demo is “demo”.</p><?php endif ?>
    </form>
<?php else: ?>
    <p class="hello">Hello, <span id="user"><?= e($user) ?></span></p>
    <p class="count"><span id="count"><?= $count ?></span> <small>counted</small></p>
    <p class="hint">balance <?= e(var_export($balance, true)) ?> · <?= get_debug_type($balance) ?></p>
    <?php buttons('', '.php') ?>
<?php endif ?>
  </section>

  <section class="card redis">
    <h2>Redis <small><?= $stored['value'] === null ? 'nothing stored' : "expires in {$stored['ttl']} s" ?></small></h2>
    <code class="source"><?= e(PREFIX . substr($id, 0, 6)) ?>…</code>
    <pre id="stored"><?= $stored['value'] === null ? '<i class="none">no session</i>' : laid_out($stored['value']) ?></pre>
  </section>

  <section class="card python">
    <h2>Python <small><?= e(implode('.', array_slice(explode('.', $python['python'] ?? ''), 0, 2))) ?> · Flask <?= e($python['flask'] ?? '') ?></small></h2>
    <code class="source">flask.session</code>
<?php if (isset($python['user'])): ?>
    <p class="hello">Hello, <span id="python-user"><?= e((string) $python['user']) ?></span></p>
    <p class="count"><span id="python-count"><?= (int) $python['count'] ?></span> <small>counted</small></p>
    <p class="hint">balance <?= e((string) $python['balance']['repr']) ?> · <?= e((string) $python['balance']['type']) ?></p>
    <?php buttons(url('Python') . '/', '') ?>
<?php else: ?>
    <p class="hello" id="python-nobody">Nobody is logged in</p>
    <p class="hint">Log in to PHP: Python knows you by the same cookie.</p>
<?php endif ?>
  </section>
<?php if ($devices !== []): ?>
  <section class="card devices">
    <h2>Your devices <small>each login of <?= e((string) $user) ?>, wherever it was</small></h2>
    <table>
<?php foreach ($devices as $device): ?>
      <tr>
        <td class="device"><?= e($device['label']) ?></td>
        <td>logged in <?= ago($device['authenticated'] ?? $device['created']) ?></td>
        <td><?php if ($device['current']): ?><b>this one</b><?php else: ?>
          <form method="post" action="end.php"><input type="hidden" name="handle" value="<?= e($device['handle']) ?>"><button class="light">End it</button></form>
        <?php endif ?></td>
      </tr>
<?php endforeach ?>
    </table>
  </section>
<?php endif ?>
</main>
<footer>
<?php if ($seen !== []): ?>
  <p class="seen"><?php foreach ($seen as $name => $times): ?>
    <span><?= $name === 'Python' ? '' : 'machine ' ?><?= e((string) $name) ?> counted <b><?= $times ?></b></span>
  <?php endforeach ?></p>
<?php endif ?>
  <p>Each click takes the session’s lock, on either side: no count is lost. This page’s session took <?= $for_session ?> round trips to Redis<?= $for_list > 0 ? ", the list of devices $for_list" : '' ?> (process <?= getmypid() ?>).</p>
</footer>
</body>
</html>
