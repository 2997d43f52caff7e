<?php

declare(strict_types=1);

require __DIR__ . '/../app.php';

$before = rustredis_status()['trips'];
session_start();
$user = user();
$count = $_SESSION['count'] ?? 0;
$seen = $_SESSION['seen'] ?? [];
$id = session_id();
session_write_close();

$trips = rustredis_status()['trips'] - $before;

$stored = stored($id);
$wrong = isset($_GET['wrong']);
?>
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>One session, two machines</title>
<link rel="stylesheet" href="style.css">
<body class="machine-<?= strtolower(machine()) ?>">
<header>
  <span class="badge">Machine <b id="machine"><?= e(machine()) ?></b></span>
  <a href="<?= e(other_url()) ?>">look at the same session on machine <?= other_machine() ?> →</a>
</header>
<main>
<?php if ($user === null): ?>
  <h1>Log in</h1>
  <p>Whichever machine takes your login, the other one knows you too: the session lives in Redis.</p>
  <form method="post" action="login.php" id="login">
    <label>Name <input name="user" value="Ada" required maxlength="40" autofocus></label>
    <label>Password <input name="password" type="password" value="demo" required></label>
    <button>Log in</button>
    <?php if ($wrong): ?><p class="wrong" role="alert">The password of this demo is “demo”.</p><?php endif ?>
  </form>
<?php else: ?>
  <h1>Hello, <span id="user"><?= e($user) ?></span></h1>
  <p class="count"><span id="count"><?= $count ?></span> <small>counted</small></p>
  <?php foreach ($seen as $name => $times): ?>
    <p class="seen">machine <?= e((string) $name) ?> counted <b><?= $times ?></b></p>
  <?php endforeach ?>
  <div class="actions">
    <form method="post" action="count.php"><button>Count one</button></form>
    <form method="post" action="count.php"><input type="hidden" name="hold_ms" value="3000">
      <button title="Press it in two tabs at once: both count">Count one, slowly (3 s)</button></form>
    <form method="post" action="logout.php"><button class="quiet">Log out</button></form>
  </div>
<?php endif ?>
</main>
<section>
  <h2>In Redis, now</h2>
  <dl>
    <dt>key</dt><dd><code><?= e(PREFIX . substr($id, 0, 6)) ?>…</code></dd>
    <dt>expires in</dt><dd><?= $stored['ttl'] >= 0 ? $stored['ttl'] . ' s' : 'not stored' ?></dd>
    <dt>value</dt><dd><code id="stored"><?= e($stored['value'] ?? '') ?></code></dd>
  </dl>
  <p class="foot">This request’s session took <?= $trips ?> round trips to Redis (process <?= getmypid() ?>).</p>
</section>
</body>
</html>
