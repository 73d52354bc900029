using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Traffic;
using StackExchange.Redis;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Members;

/// <summary>
/// An application on StackExchange.Redis that keeps working while nodes come, go and die. Each worker reads and writes its own keys, one
/// after the other, and compares every value with its ledger of acknowledged writes.
/// </summary>
internal sealed class LiveApplication : IAsyncDisposable
{
    private const int Workers = 4;
    private const int KeysOfWorker = 100;

    private readonly Ledger[] _ledgers = [.. Enumerable.Range(0, Workers).Select(_ => new Ledger())];
    private readonly int[] _passes = new int[Workers];
    private readonly List<string> _wrong = [];
    private readonly List<string> _errors = [];
    private CancellationTokenSource _end = new();
    private Task _working = Task.CompletedTask;
    private ConnectionMultiplexer? _connection;
    private volatile bool _isReadOnly;
    private int _writes;

    public bool IsWorking => _connection is not null;

    /// <summary>Number of acknowledged writes.</summary>
    public int Writes => Volatile.Read(ref _writes);

    /// <summary>Operations that failed, such as those on a dead master.</summary>
    public int Errors
    {
        get
        {
            lock (_errors)
                return _errors.Count;
        }
    }

    /// <summary>Connects to these nodes and begins to work.</summary>
    public async Task BeginAsync(IEnumerable<NodeEndpoint> endpoints)
    {
        var options = new ConfigurationOptions
        {
            AbortOnConnectFail = false,
            // What fails is not sent later: a late write would be newer than the ledger says.
            BacklogPolicy = BacklogPolicy.FailFast,
            AsyncTimeout = 30_000,
            ConfigCheckSeconds = 1,
        };
        foreach (var endpoint in endpoints)
            options.EndPoints.Add(endpoint.Host, endpoint.Port);
        _connection = await ConnectionMultiplexer.ConnectAsync(options);
        _end = new CancellationTokenSource();
        var database = _connection.GetDatabase();
        _working = Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(() => WorkAsync(worker, database, _end.Token))));
        await CheckAsync();
    }

    /// <summary>Waits until every key was read again, and asserts that no acknowledged write is lost.</summary>
    public async Task CheckAsync()
    {
        var before = _passes.ToArray();
        for (var until = DateTime.UtcNow.AddSeconds(60); _passes.Where((pass, worker) => pass < before[worker] + 2).Any();)
        {
            Assert.True(DateTime.UtcNow < until, "The application makes no progress: " + LastError());
            await Task.Delay(10);
        }

        lock (_wrong)
            Assert.Empty(_wrong);
    }

    /// <summary>Stops or resumes writing. When it returns, no write is in transit.</summary>
    public async Task SetReadOnlyAsync(bool isReadOnly)
    {
        _isReadOnly = isReadOnly;
        await CheckAsync();
    }

    public async Task EndAsync()
    {
        await _end.CancelAsync();
        await _working;
        if (_connection is not null)
            await _connection.DisposeAsync();
        _connection = null;
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        _end.Dispose();
    }

    private async Task WorkAsync(int worker, IDatabase database, CancellationToken end)
    {
        var ledger = _ledgers[worker];
        for (var turn = 0; !end.IsCancellationRequested; turn++)
        {
            var failed = 0;
            for (var number = 0; number < KeysOfWorker && !end.IsCancellationRequested; number++)
            {
                if (!await TurnAsync(database, ledger, "key:" + worker + ":" + number, turn))
                    failed++;
            }

            // A pass counts only if every key was read.
            if (failed == 0)
                Interlocked.Increment(ref _passes[worker]);
            else
                await Task.Delay(20, CancellationToken.None);
        }
    }

    private async Task<bool> TurnAsync(IDatabase database, Ledger ledger, string key, int turn)
    {
        var value = DateTime.UtcNow.Ticks + "/" + turn;
        var isWriting = false;
        try
        {
            string? read = await database.StringGetAsync(key);
            if (!ledger.Possible(key).Contains(read))
            {
                lock (_wrong)
                    _wrong.Add(key + ": read " + (read ?? "nothing") + ", not " + string.Join(" or ", ledger.Possible(key)));
            }

            if (_isReadOnly)
                return true;
            isWriting = true;
            await database.StringSetAsync(key, value);
            ledger.Acknowledge(key, value);
            Interlocked.Increment(ref _writes);
            return true;
        }
        catch (Exception failure) when (failure is RedisException or TimeoutException)
        {
            if (isWriting)
                ledger.Doubt(key, [value]);
            lock (_errors)
                _errors.Add(failure.Message);
            return false;
        }
    }

    private string LastError()
    {
        lock (_errors)
            return _errors.LastOrDefault() ?? "no error";
    }
}
