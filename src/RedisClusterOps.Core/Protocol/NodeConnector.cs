using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Security.Authentication;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Protocol;

/// <summary>Connects to nodes over TCP or TLS and logs in.</summary>
internal sealed class NodeConnector : INodeConnector
{
    private const string NamePrefix = "redisclusterops-";

    private readonly ConnectionOptions _options;
    private readonly Action<NodeEndpoint, RespCommand>? _trace;
    private readonly TlsClient? _tls;

    /// <param name="options">How to connect.</param>
    /// <param name="trace">Called with every command before it is sent. The text of a command contains no secret.</param>
    /// <exception cref="RedisOperationException">InvalidConnectionString: a certificate file can't be read.</exception>
    public NodeConnector(ConnectionOptions options, Action<NodeEndpoint, RespCommand>? trace = null)
    {
        _options = options;
        _trace = trace;
        _tls = options.Tls is null ? null : new TlsClient(options.Tls);
    }

    /// <summary>The name of our connections in CLIENT LIST. It identifies the machine and the process.</summary>
    internal static string ConnectionName { get; } = NamePrefix + MachineName() + "-" + ProcessId();

    /// <summary>True if this process opened the connection with this name.</summary>
    internal static bool IsOwnName(string name) =>
        name == ConnectionName || name.StartsWith(ConnectionName + RunName.Mark, StringComparison.Ordinal);

    /// <summary>True if another process of this module opened the connection with this name.</summary>
    internal static bool IsNameOfOtherRun(string name) => IsOurName(name) && !IsOwnName(name);

    /// <summary>True for a connection of this module, in this process or in another one.</summary>
    internal static bool IsOurName(string name) => name.StartsWith(NamePrefix, StringComparison.Ordinal);

    /// <inheritdoc/>
    public IClock Clock => SystemClock.Instance;

    public async Task<INodeConnection> ConnectAsync(NodeEndpoint endpoint, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(_options.ConnectTimeout);
        try
        {
            return await ConnectWithinAsync(endpoint, limit.Token).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            cancellation.ThrowIfCancellationRequested();
            if (limit.IsCancellationRequested)
            {
                var reason = ConnectionFailure.NoAnswerWithin(_options.ConnectTimeout) + HintAt(failure);
                throw CannotConnect(endpoint, reason, failure, NextAt(failure));
            }

            if (failure is not RedisOperationException)
            {
                var reason = ConnectionFailure.ReasonOf(failure) + ConnectionFailure.HintAt(endpoint);
                throw CannotConnect(endpoint, reason, failure, NextAt(failure));
            }

            throw;
        }
    }

    private async Task<INodeConnection> ConnectWithinAsync(NodeEndpoint endpoint, CancellationToken limit)
    {
        var socket = await DialAsync(endpoint, limit).ConfigureAwait(false);
        Stream stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            if (_tls is not null)
            {
                using (limit.Register(socket.Dispose))
                    stream = await _tls.HandshakeAsync(stream, endpoint.Host).ConfigureAwait(false);
            }

            var connection = new NodeConnection(endpoint, socket, stream, _options, _trace);
            await LogInAsync(connection, limit).ConfigureAwait(false);
            return connection;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    private static async Task<Socket> DialAsync(NodeEndpoint endpoint, CancellationToken limit)
    {
        var addresses = await ResolveAsync(endpoint.Host, limit).ConfigureAwait(false);
        ExceptionDispatchInfo? refusal = null;
        foreach (var address in addresses)
        {
            limit.ThrowIfCancellationRequested();
            Socket? socket = null;
            try
            {
                socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
                using (limit.Register(socket.Dispose))
                    await socket.ConnectAsync(address, endpoint.Port).ConfigureAwait(false);
                return socket;
            }
            catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
            {
                socket?.Dispose();
                refusal = ExceptionDispatchInfo.Capture(failure);
            }
        }

        refusal?.Throw();
        throw new SocketException((int)SocketError.HostNotFound);
    }

    // IPv4 first: if a server listens on 127.0.0.1 only, an attempt at ::1 would be refused first, which takes two seconds on Windows.
    private static async Task<IPAddress[]> ResolveAsync(string host, CancellationToken limit)
    {
        if (IPAddress.TryParse(host, out var address))
            return [address];
        var stopped = new TaskCompletionSource<IPAddress[]>();
        using (limit.Register(() => stopped.TrySetCanceled()))
        {
            // A DNS query can't be cancelled, only abandoned.
            var first = await Task.WhenAny(Dns.GetHostAddressesAsync(host), stopped.Task).ConfigureAwait(false);
            var addresses = await first.ConfigureAwait(false);
            return [.. addresses.OrderBy(found => found.AddressFamily == AddressFamily.InterNetwork ? 0 : 1)];
        }
    }

    private async Task LogInAsync(NodeConnection connection, CancellationToken limit)
    {
        if (_options.Password is not null)
        {
            var reply = await AskAsync(connection, AuthCommand(_options.User, _options.Password), limit).ConfigureAwait(false);
            if (reply.IsError)
                throw LoginRefused(connection.Endpoint, reply.Text);
        }

        var named = await AskAsync(connection, RespCommand.Of("CLIENT", "SETNAME", ConnectionName), limit).ConfigureAwait(false);
        if (!named.IsError)
            return;

        // The name is optional. Not every server supports it, and not every user may set it.
        var error = named.Text;
        if (ServerErrors.CodeOf(error) == FailureCode.AuthenticationFailed)
            throw LoginRefused(connection.Endpoint, error);
        if (IsRejection(error))
            throw Rejected(connection.Endpoint, error);
    }

    // Servers without ACLs know only the form without a name, which means the user 'default'.
    private static RespCommand AuthCommand(string? user, string password) =>
        user is null or "default" ? RespCommand.Of("AUTH", password) : RespCommand.Of("AUTH", user, password);

    private async Task<RespValue> AskAsync(NodeConnection connection, RespCommand command, CancellationToken limit)
    {
        try
        {
            return await connection.AskAsync(command, limit, Timeout.InfiniteTimeSpan).ConfigureAwait(false);
        }
        catch (RedisConnectionException failure)
        {
            throw new RedisConnectionException(
                failure.Code, connection.Endpoint, failure.Message + HintAt(failure), outcomeUnknown: false, failure, NextAt(failure));
        }
    }

    // The server doesn't say what is wrong: a TLS port closes the connection when it receives plain bytes, a plain port waits for the rest
    // of what looks like a command, and TLS 1.3 requests the client certificate after the client has finished the handshake.
    private string HintAt(Exception failure) => failure switch
    {
        AuthenticationException => " to the TLS handshake (perhaps the port does not speak TLS)",
        RedisConnectionException { Code: FailureCode.ConnectionFailed } when _options.Tls is null =>
            " If the port speaks TLS, connect by TLS (rediss://).",
        RedisConnectionException { Code: FailureCode.ConnectionFailed } when _options.Tls?.CertificatePath is null =>
            " If it requires a client certificate, present one.",
        _ => string.Empty,
    };

    private NextAction? NextAt(Exception failure) => failure switch
    {
        HandshakeException handshake => handshake.Next,
        RedisConnectionException { Code: FailureCode.ConnectionFailed } when _options.Tls is null =>
            new NextAction(NextActionCode.Connect) { Options = NextActionOptions.UseTls },
        RedisConnectionException { Code: FailureCode.ConnectionFailed } when _options.Tls?.CertificatePath is null =>
            new NextAction(NextActionCode.Connect) { Options = NextActionOptions.Certificate },
        _ => null,
    };

    private RedisConnectionException LoginRefused(NodeEndpoint endpoint, string error)
    {
        if (IsRejection(error))
            return Rejected(endpoint, error);
        var refused = _options.User is null ? "the password" : "the user name or password of '" + Printable.Clean(_options.User, 80) + "'";
        var needsNoPassword = ServerErrors.Contains(error, "without any password") || ServerErrors.Contains(error, "no password is set");
        var reason = ServerErrors.StartsWith(error, "NOAUTH") ? " requires a user name and password"
            : ServerErrors.StartsWith(error, "WRONGPASS") || ServerErrors.Contains(error, "invalid password") ? " refused " + refused
            : needsNoPassword ? " requires no password, but one was specified"
            : " refused the log-in: " + WithoutArguments(error);
        return new RedisConnectionException(
            FailureCode.AuthenticationFailed, endpoint, endpoint + reason + ".", outcomeUnknown: false,
            next: needsNoPassword
                ? new NextAction(NextActionCode.Connect) { Node = "<host:port>", Note = "without user name and password" }
                : null);
    }

    // A server that does not know AUTH repeats its arguments.
    private string WithoutArguments(string error)
    {
        var arguments = error.IndexOf(", with args", StringComparison.OrdinalIgnoreCase);
        var shown = arguments < 0 ? error : error.Substring(0, arguments);
        return Printable.Clean(string.IsNullOrEmpty(_options.Password) ? shown : shown.Replace(_options.Password, "***"));
    }

    // The server sends such an error instead of a reply and closes the connection.
    private static bool IsRejection(string error) =>
        ServerErrors.StartsWith(error, "DENIED") || ServerErrors.Contains(error, "max number of clients");

    private static RedisConnectionException Rejected(NodeEndpoint endpoint, string error)
    {
        var code = ServerErrors.CodeOf(error) == FailureCode.TooManyClients ? FailureCode.TooManyClients : FailureCode.ConnectionFailed;
        var message = "Cannot connect to " + endpoint + ": " + Printable.Clean(error).TrimEnd('.') + ".";
        return new(code, endpoint, message, outcomeUnknown: false) { IsRefusal = true };
    }

    private static RedisConnectionException CannotConnect(
        NodeEndpoint endpoint, string reason, Exception? failure = null, NextAction? next = null)
    {
        var message = "Cannot connect to " + endpoint + ": " + reason.TrimEnd('.') + ".";
        return new(FailureCode.ConnectionFailed, endpoint, message, outcomeUnknown: false, failure, next);
    }

    // The server accepts visible ASCII only, and a name such as that of a Kubernetes pod may be long.
    private static string MachineName() => new([.. Environment.MachineName.Where(c => c is > ' ' and < '\x7f').Take(63)]);

    private static string ProcessId()
    {
        using var process = Process.GetCurrentProcess();
        return process.Id.ToString(CultureInfo.InvariantCulture);
    }
}
