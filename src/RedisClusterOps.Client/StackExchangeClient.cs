using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Protocol;
using StackExchange.Redis;
using StackExchange.Redis.Profiling;
// The core has exceptions of the same names.
using Library = StackExchange.Redis;

namespace RedisClusterOps.Client;

/// <summary>An application on StackExchange.Redis: it reads keys, and increments counters, at a steady rate.</summary>
public sealed class StackExchangeClient : RedisApplicationClient
{
    /// <summary>How long a counter outlives an application that could not delete it.</summary>
    internal static readonly TimeSpan TimeToLive = TimeSpan.FromHours(1);

    // The library writes one batch for all operations that begin together, as for any busy application.
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(5);

    // The library keeps a record of each command until it is counted here.
    private static readonly TimeSpan LongestCount = TimeSpan.FromSeconds(1);

    // Operations that wait, for instance for a dead node. More would only measure the memory of this process.
    private const int MostWaiting = 5000;

    private static readonly string TooManyWait = Numbers.Number(MostWaiting) + " operations wait for a reply, so others were not sent.";

    private readonly CancellationTokenSource _end = new();
    private readonly ProfilingSession _profile = new();
    private readonly Tally _tally = new();
    private ClientWork _work = new();
    private IConnectionMultiplexer? _connection;
    private IReadOnlyList<Counter> _counters = [];
    private Task _pump = Task.CompletedTask;
    private int _waiting;
    private TimeSpan _begun;
    private long _turn;

    internal override async Task StartAsync(ClientWork work, CancellationToken cancellation)
    {
        _work = work;
        _counters = [.. work.Counters.Select(key => new Counter(key))];
        _connection = await ConnectAsync(ClientConnection.Options(work), cancellation).ConfigureAwait(false);
        await CheckLoginAsync(_connection, cancellation).ConfigureAwait(false);
        if (_counters.Count > 0)
            await CheckRightsAsync(_connection.GetDatabase(), cancellation).ConfigureAwait(false);
        _connection.RegisterProfiler(() => _profile);
        _begun = Now;
        _pump = PumpAsync(_connection.GetDatabase());
    }

    internal override async Task<RedisClientSample> NextAsync(TimeSpan interval, CancellationToken cancellation)
    {
        _begun += interval;
        if (_begun <= Now)
            _begun = Now;
        var (moved, ask) = (0L, 0L);
        for (var wait = _begun - Now; wait > TimeSpan.Zero; wait = _begun - Now)
        {
            await Task.Delay(wait < LongestCount ? wait : LongestCount, cancellation).ConfigureAwait(false);
            CountRedirects();
        }

        CountRedirects();
        return _tally.Take() with { Moved = moved, Ask = ask };

        // A redirected command is sent again, and the library's profile has an entry for each time.
        void CountRedirects()
        {
            foreach (var resent in _profile.FinishProfiling().Where(command => command.RetransmissionOf is not null))
            {
                moved += resent.RetransmissionReason == RetransmissionReasonType.Moved ? 1 : 0;
                ask += resent.RetransmissionReason == RetransmissionReasonType.Ask ? 1 : 0;
            }
        }
    }

    internal override async Task<RedisClientSample> EndAsync(TimeSpan limit)
    {
        if (_end.IsCancellationRequested || _connection is not { } connection)
            return new RedisClientSample { LostWrites = 0 };
        await _end.CancelAsync().ConfigureAwait(false);
        await _pump.ConfigureAwait(false);
        var database = connection.GetDatabase();
        var endings = _counters.Where(counter => counter.IsUsed).Select(counter => counter.DeleteAsync(database)).ToList();
        try
        {
            using var late = new CancellationTokenSource(limit);
            await Task.WhenAll(endings).WaitAsync(late.Token).ConfigureAwait(false);
        }
        catch (Exception)
        {
            // Each counter has its own end. What is left expires.
        }

        // Increments may have been answered after the last sample.
        var lost = _tally.Take().LostWrites ?? 0;
        foreach (var ending in endings.Where(ending => ending.IsCompletedSuccessfully))
            lost += await ending.ConfigureAwait(false);
        var unread = endings.Count(ending => !ending.IsCompletedSuccessfully);
        return new RedisClientSample
        {
            LostWrites = lost,
            Trouble = unread == 0 ? null : Numbers.Number(unread) + " of " + Numbers.Count(endings.Count, "counter")
                + " could not be read at the end. Whether their writes are lost is unknown. They expire within an hour.",
        };
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        _end.Cancel();
        // Otherwise the library waits for the reply of every node, also of one that hangs.
        _connection?.Close(allowCommandsToComplete: false);
        _connection?.Dispose();
        _end.Dispose();
    }

    private static TimeSpan Now => Stopwatch.GetElapsedTime(0);

    private static async Task<IConnectionMultiplexer> ConnectAsync(ConfigurationOptions options, CancellationToken cancellation)
    {
        var connecting = ConnectionMultiplexer.ConnectAsync(options);
        try
        {
            return await connecting.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The library takes no cancellation token. What it still connects to is closed.
            _ = connecting.ContinueWith(
                late => late.Result.Dispose(),
                CancellationToken.None,
                TaskContinuationOptions.OnlyOnRanToCompletion,
                TaskScheduler.Default);
            throw;
        }
        catch (Library.RedisConnectionException failure)
        {
            throw new RedisOperationException(
                FailureCode.ConnectionFailed,
                "The client library can't connect to the cluster: " + Printable.Clean(failure.Message, 400).TrimEnd('.') + ".",
                options.EndPoints.FirstOrDefault()?.ToString(),
                new NextAction(NextActionCode.MeasureLinks)
                {
                    Note = "or allow the user what the library asks each server for: ECHO, INFO, CLUSTER and CONFIG GET",
                },
                failure);
        }
    }

    // If the default user needs no password, the library continues as that user after a refused login.
    private async Task CheckLoginAsync(IConnectionMultiplexer connection, CancellationToken cancellation)
    {
        var expected = _work.Connection.User ?? "default";
        foreach (var server in connection.GetServers().Where(server => server.IsConnected))
        {
            string? user;
            try
            {
                user = (string?)await server.ExecuteAsync("ACL", "WHOAMI").WaitAsync(cancellation).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is RedisException or TimeoutException)
            {
                // A server without users, a user without this right, or a node that hangs: the module's own login with the same password
                // has succeeded.
                continue;
            }

            if (user is not null && user != expected)
            {
                throw new RedisOperationException(
                    FailureCode.AuthenticationFailed,
                    "The client library is logged in to " + server.EndPoint + " as '" + Printable.Clean(user, 80) + "', not as '"
                        + Printable.Clean(expected, 80) + "'.",
                    server.EndPoint.ToString(),
                    new NextAction(NextActionCode.Connect) { Options = NextActionOptions.Credential });
            }
        }
    }

    private async Task CheckRightsAsync(IDatabase database, CancellationToken cancellation)
    {
        try
        {
            await _counters[0].CheckRightsAsync(database).WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (Library.RedisServerException refused) when (refused.Message.StartsWith("NOPERM", StringComparison.Ordinal))
        {
            throw new RedisOperationException(
                FailureCode.PermissionDenied,
                "The user may not write and delete counters: " + Printable.Clean(refused.Message, 200).TrimEnd('.')
                    + ". Nothing was written.",
                null,
                new NextAction(NextActionCode.Connect) { Options = NextActionOptions.Credential },
                refused);
        }
        catch (Exception failure) when (failure is RedisException or TimeoutException)
        {
            // The measurement counts such errors.
        }
    }

    private async Task PumpAsync(IDatabase database)
    {
        var started = Now;
        var begun = 0L;
        while (!_end.IsCancellationRequested)
        {
            for (var due = (long)((Now - started).TotalSeconds * _work.Rate); begun < due; begun++)
                Begin(database);
            await Task.Delay(Tick, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private void Begin(IDatabase database)
    {
        if (_waiting >= MostWaiting)
        {
            _tally.NotSent(TooManyWait);
            return;
        }

        var turn = _turn++;
        // Every other operation is a write. A counter has one write at a time, so that its next value is known.
        var counter = _counters.Count > 0 && turn % 2 == 1 ? _counters[(int)(turn / 2 % _counters.Count)] : null;
        if (counter is not null && !counter.TryTake())
            counter = null;
        Interlocked.Increment(ref _waiting);
        _ = RunAsync();

        async Task RunAsync()
        {
            var start = Stopwatch.GetTimestamp();
            try
            {
                if (counter is not null)
                    await counter.IncrementAsync(database, _tally).ConfigureAwait(false);
                else
                    await database.KeyExistsAsync(KeysOf(turn)).ConfigureAwait(false);
                _tally.Done(Stopwatch.GetElapsedTime(start), null);
            }
            // The library has exceptions without a common base, such as the one for a write when only replicas are known.
            catch (Exception failure)
            {
                _tally.Done(Stopwatch.GetElapsedTime(start), failure);
            }
            finally
            {
                Interlocked.Decrement(ref _waiting);
            }
        }
    }

    private RedisKey[] KeysOf(long turn) => [.. _work.Reads[(int)(turn % _work.Reads.Count)].Select(key => (RedisKey)key)];
}
