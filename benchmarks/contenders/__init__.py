from .api_token import AccessToken, APIToken
from .django_sessions import DjangoSessions
from .drf_token import DRFToken
from .floor import Floor
from .knox import Knox
from .ours import Ours
from .simplejwt import SimpleJWT

JWT_CONTENDERS = [SimpleJWT, Ours]
CONTENDERS = [*JWT_CONTENDERS, Knox, DRFToken, DjangoSessions, Floor, AccessToken, APIToken]
