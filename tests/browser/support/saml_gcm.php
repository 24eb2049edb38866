<?php
// For a public key, SimpleSAMLphp 1.19 encrypts by AES-CBC and cannot be told otherwise; Postern takes AES-GCM alone. This changes
// which cipher it asks xmlseclibs for. All else, encrypting included, is SimpleSAMLphp's as it is.
$root = getenv('SIMPLESAMLPHP_ROOT');
require_once "$root/vendor/autoload.php";
$code = file_get_contents("$root/vendor/simplesamlphp/saml2/src/SAML2/EncryptedAssertion.php");
$code = str_replace('new XMLSecurityKey(XMLSecurityKey::AES128_CBC)', 'new XMLSecurityKey(XMLSecurityKey::AES256_GCM)', $code, $times);
if ($times === 1) {
    eval(substr($code, strlen('<?php')));
}
unset($root, $code, $times);
