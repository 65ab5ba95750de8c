package simulator

import (
	"net/http"

	"github.com/go-json-experiment/json"
)

// OAuthClient returns what the token endpoints of gmail and outlook accept.
func OAuthClient(provider string) (id, secret, refreshToken string) {
	return "simulator-client-" + provider, "simulator-client-secret-" + provider, "simulator-refresh-token-" + provider
}

// tokenAPI is a vendor's token endpoint: POST /token with the flows
// refresh_token and client_credentials. It gives out [BearerToken].
func (s *Simulator) tokenAPI(provider string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		id, secret, refresh := OAuthClient(provider)
		answer := func(status int, body any) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.MarshalWrite(w, body)
		}
		type refusal struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		grant := r.PostFormValue("grant_type")
		switch {
		case grant != "refresh_token" && grant != "client_credentials":
			answer(http.StatusBadRequest, refusal{"unsupported_grant_type", "use refresh_token or client_credentials"})
		case r.PostFormValue("client_id") != id, r.PostFormValue("client_secret") != secret:
			answer(http.StatusUnauthorized, refusal{"invalid_client", "the client is unknown or its secret is wrong"})
		case grant == "refresh_token" && r.PostFormValue("refresh_token") != refresh:
			answer(http.StatusBadRequest, refusal{"invalid_grant", "the refresh token has expired or was revoked"})
		default:
			answer(http.StatusOK, struct {
				AccessToken string `json:"access_token"`
				TokenType   string `json:"token_type"`
				ExpiresIn   int    `json:"expires_in"`
			}{BearerToken(provider), "Bearer", 3599})
		}
	})
	return mux
}
