"""Receive webhooks with Django: a view, to be added to the urlpatterns."""

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from pocketsflow_async import WebhookVerificationError, webhooks


@csrf_exempt
@require_POST
def hooks(request: HttpRequest) -> JsonResponse:
    try:
        event = webhooks.construct_event(request.body, request.headers, settings.POCKETSFLOW_WEBHOOK_SECRET)
    except WebhookVerificationError as error:
        return JsonResponse({"error": str(error)}, status=401)
    print(event.type, event.data)  # answer within five seconds: hand longer work to a queue of your own
    return JsonResponse({"received": True})
