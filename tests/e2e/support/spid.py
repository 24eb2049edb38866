"""What spid-sp-test says and sends: `metadata` prints its identity provider's; `list` prints the names of its tests of responses;
`responses` reads a JSON list of requests and prints a JSON list of responses, which the tool itself renders, signs and bends;
`checks` reads our metadata and the address of a request, and prints what the tool finds wrong with them.

SPID is Italy's profile of SAML. Where the tool takes for granted what only SPID has, that is put right here, and nowhere else:
its audience is the request's `NameQualifier`, which is our entityID; its names have white space around them; its wrapped
responses have lost all namespaces. Each can be had as the tool has it, too.
"""

import json
import os
import re
import sys
import tempfile

from lxml import etree
from saml2.metadata import entity_descriptor
from saml2.server import Server
from spid_sp_test import response
from spid_sp_test.authn_request_extra import SpidSpAuthnReqCheckExtra
from spid_sp_test.idp.settings import SAML2_IDP_CONFIG
from spid_sp_test.metadata_extra import SpidSpMetadataCheckExtra
from spid_sp_test.responses import response_wraps, settings

ISSUER = "{urn:oasis:names:tc:SAML:2.0:assertion}Issuer"
PADDED = re.compile(r">\s*(\{\{NameID\}\})\s*<")
DEL_NS = response_wraps.del_ns
TEMPLATES = response.SpidSpResponseCheck.template_path

SIGNATURE = "Signature SignedInfo CanonicalizationMethod SignatureMethod Reference Transforms Transform DigestMethod DigestValue SignatureValue KeyInfo X509Data X509Certificate Object"
PROTOCOL = "Response Status StatusCode Extensions"
PREFIXES = {name: prefix for prefix, names in (("ds", SIGNATURE), ("samlp", PROTOCOL)) for name in names.split()}


class Responses(response.SpidSpResponseCheck):
    """The tool's check, up to where it would send."""

    def made(self, test, request):
        self.do_authnrequest(request)
        one = self.load_test(test_name=test)
        xml = one.render(user_attrs=settings.ATTRIBUTES)
        signed = self.sign(xml, key_file=one.private_key, cert_file=one.response_attrs.get("X509Certificate"))
        return signed, settings.RESPONSE_TESTS[test], one.conf["status_codes"]

    def do_authnrequest(self, request=None):
        tree = etree.fromstring(request.encode())
        issuer = tree.find(ISSUER)
        issuer.set("NameQualifier", issuer.text)
        text = etree.tostring(tree).decode()
        response.get_authn_request = lambda *_, **__: {"SAMLRequest_xml": text}
        super().do_authnrequest()


def trimmed(folder):
    """The tool's templates, with names that have no white space around them."""
    for name in os.listdir(TEMPLATES):
        with open(os.path.join(TEMPLATES, name), encoding="utf-8") as found:
            text = found.read()
        with open(os.path.join(folder, name), "w", encoding="utf-8") as put:
            put.write(PADDED.sub(r">\1<", text))
    return folder


def without_names(tree):
    """What the tool takes off before it bends a response, and no more: the types of values are signed, too."""
    for element in tree.iter(etree.Element):
        element.tag = etree.QName(element).localname


def unbent(xml, _conf):
    tree = etree.fromstring(xml)
    without_names(tree)
    return etree.tostring(tree).decode()


def named(xml):
    """The namespaces again."""
    return re.sub(r"<(/?)(\w+)(?=[\s>/])", lambda tag: f"<{tag[1]}{PREFIXES.get(tag[2], 'saml')}:{tag[2]}", xml)


def responses(wanted):
    with tempfile.TemporaryDirectory() as folder:
        check = Responses(metadata_etree=etree.XML("<none/>"), template_path=trimmed(folder))
        for one in wanted:
            check.template_path = TEMPLATES if one.get("padded") else folder
            signed, conf, statuses = check.made(one["test"], one["request"])
            response_wraps.del_ns = without_names if one.get("named") else DEL_NS
            xml = unbent(signed, conf) if one.get("unbent") else check.post_xml(signed, conf)
            yield {"xml": named(xml) if one.get("named") else xml, "statuses": statuses}


def checks(metadata, request):
    """What is wrong with each, by the public sector's profile and all that goes beyond it; and how much was looked at."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("metadata.xml", "request.url")]
        for path, text in zip(paths, (metadata, request)):
            with open(path, "w", encoding="utf-8") as put:
                put.write(text)
        of_metadata = SpidSpMetadataCheckExtra(metadata_url=f"file://{paths[0]}", production=False, xsds_files_path=None)
        of_metadata.load()
        of_metadata.test_profile_spid_sp_public()
        of_request = SpidSpAuthnReqCheckExtra(metadata=of_metadata.metadata, authn_request_url=f"file://{paths[1]}", production=False)
        of_request.load()
        of_request.test_profile_spid_sp()
    results = of_metadata.results + of_request.results
    return {"count": len(results), "wrong": [one["test"] for one in results if one["result"] != "success"]}


if __name__ == "__main__":
    if sys.argv[1] == "metadata":
        print(entity_descriptor(Server(SAML2_IDP_CONFIG).config))
    elif sys.argv[1] == "list":
        print(json.dumps(list(settings.RESPONSE_TESTS)))
    elif sys.argv[1] == "checks":
        print(json.dumps(checks(**json.load(sys.stdin))))
    else:
        print(json.dumps(list(responses(json.load(sys.stdin)))))
