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
    /// <param name="trace">Told of every command before it is sent; the text of a command holds no secret.</param>
    /// <exception cref="RedisOperationException">InvalidConnectionString: a certificate file can't be read.</exception>
    public NodeConnector(ConnectionOptions options, Action<NodeEndpoint, RespCommand>? trace = null)
    {
        _options = options;
        _trace = trace;
        _tls = options.Tls is null ? null : new TlsClient(options.Tls);
    }

    /// <summary>What our connections are called in CLIENT LIST: it tells two runs on two machines apart.</summary>
    internal static string ConnectionName { get; } = NamePrefix + MachineName() + "-" + ProcessId();

    /// <summary>True of a connection of this module that another process opened.</summary>
    internal static bool IsNameOfOtherRun(string name) => name.StartsWith(NamePrefix, StringComparison.Ordinal) && name != ConnectionName;

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
                throw CannotConnect(endpoint, ConnectionFailure.NoAnswerWithin(_options.ConnectTimeout) + HintAt(failure), failure, NextAt(failure));
            if (failure is not RedisOperationException)
                throw CannotConnect(endpoint, ConnectionFailure.ReasonOf(failure) + ConnectionFailure.HintAt(endpoint), failure, NextAt(failure));
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

    // IPv4 first: a server that listens on 127.0.0.1 only would otherwise cost localhost a refusal on ::1, which takes Windows two seconds.
    private static async Task<IPAddress[]> ResolveAsync(string host, CancellationToken limit)
    {
        if (IPAddress.TryParse(host, out var address))
            return [address];
        var stopped = new TaskCompletionSource<IPAddress[]>();
        using (limit.Register(() => stopped.TrySetCanceled()))
        {
            // A look-up can't be called off, only left behind.
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

        // The name is a courtesy to whoever reads CLIENT LIST. Not every server knows it and not every user may set it.
        var error = named.Text;
        if (ServerErrors.CodeOf(error) == FailureCode.AuthenticationFailed)
            throw LoginRefused(connection.Endpoint, error);
        if (TurnsAway(error))
            throw CannotConnect(connection.Endpoint, Printable.Clean(error));
    }

    // Every server knows this form for the user 'default'; the one with a name came with ACLs.
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

    // Neither says what it missed: a TLS port hangs up on plain bytes, a plain one waits for the rest of what looks like a command, and
    // TLS 1.3 asks for the client's certificate after the client took the handshake for done.
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
        if (TurnsAway(error))
            return CannotConnect(endpoint, Printable.Clean(error));
        var who = _options.User is null ? "the password" : "the user name or password of '" + Printable.Clean(_options.User, 80) + "'";
        var asksForNone = ServerErrors.Contains(error, "without any password") || ServerErrors.Contains(error, "no password is set");
        var reason = ServerErrors.StartsWith(error, "NOAUTH") ? " asks for a user name and password"
            : ServerErrors.StartsWith(error, "WRONGPASS") || ServerErrors.Contains(error, "invalid password") ? " refused " + who
            : asksForNone ? " asks for no password, but one was given"
            : " refused the log-in: " + WithoutArguments(error);
        return new RedisConnectionException(
            FailureCode.AuthenticationFailed, endpoint, endpoint + reason + ".", outcomeUnknown: false,
            next: asksForNone
                ? new NextAction(NextActionCode.Connect) { Node = "<host:port>", Note = "without user name and password" }
                : null);
    }

    // A server that does not know AUTH repeats what came with it.
    private string WithoutArguments(string error)
    {
        var arguments = error.IndexOf(", with args", StringComparison.OrdinalIgnoreCase);
        var shown = arguments < 0 ? error : error.Substring(0, arguments);
        return Printable.Clean(string.IsNullOrEmpty(_options.Password) ? shown : shown.Replace(_options.Password, "***"));
    }

    // Said instead of an answer, and followed by the end of the connection.
    private static bool TurnsAway(string error) =>
        ServerErrors.StartsWith(error, "DENIED") || ServerErrors.Contains(error, "max number of clients");

    private static RedisConnectionException CannotConnect(NodeEndpoint endpoint, string reason, Exception? failure = null, NextAction? next = null) =>
        new(
            FailureCode.ConnectionFailed, endpoint, "Cannot connect to " + endpoint + ": " + reason.TrimEnd('.') + ".", outcomeUnknown: false, failure, next);

    // The server takes visible ASCII only, and a name as of a Kubernetes pod may be long.
    private static string MachineName() => new([.. Environment.MachineName.Where(c => c is > ' ' and < '\x7f').Take(63)]);

    private static string ProcessId()
    {
        using var process = Process.GetCurrentProcess();
        return process.Id.ToString(CultureInfo.InvariantCulture);
    }
}
