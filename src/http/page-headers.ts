/** Owns the headers of every page. */
import type { RequestHandler } from 'express';
import helmet from 'helmet';

/** What no page asks a browser for (W3C, Permissions Policy). */
const unused = ['camera', 'geolocation', 'microphone', 'payment', 'usb'].map((feature) => `${feature}=()`).join(', ');

/** Nothing is loaded from elsewhere, nothing is inline, nothing can frame it. */
export function pageHeaders(secure: boolean): RequestHandler {
  const none = ["'none'"];
  const self = ["'self'"];
  const directives = {
    defaultSrc: none,
    scriptSrc: self,
    styleSrc: self,
    imgSrc: ["'self'", 'data:'],
    connectSrc: self,
    formAction: self,
    frameAncestors: none,
    baseUri: none,
  };
  const headers = helmet({
    contentSecurityPolicy: { useDefaults: false, directives },
    // Other services of the domain are not ours to bind to https.
    strictTransportSecurity: secure ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
  });
  return (request, response, next) => {
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('Permissions-Policy', unused);
    headers(request, response, next);
  };
}
