using System.Threading;
using System.Threading.Tasks;
using StackExchange.Redis;

namespace RedisClusterOps.Client;

/// <summary>A counter in the cluster, and the ledger of its acknowledged increments.</summary>
internal sealed class Counter(byte[] key)
{
    private long _acknowledged;
    private int _isTaken;
    private bool _expires;

    /// <summary>True if an increment was sent, so that the counter may exist.</summary>
    public bool IsUsed { get; private set; }

    /// <summary>Takes the counter for one increment; false if another one waits for its reply.</summary>
    public bool TryTake() => Interlocked.Exchange(ref _isTaken, 1) == 0;

    /// <summary>Increments the counter, and releases it. Reports how many acknowledged increments the reply does not include.</summary>
    /// <remarks>An increment whose reply did not arrive may have been done or not, so the reply may be higher than expected.</remarks>
    public async Task IncrementAsync(IDatabase database, Tally tally)
    {
        try
        {
            IsUsed = true;
            var value = await database.StringIncrementAsync(key).ConfigureAwait(false);
            // Before anything else can fail.
            tally.Lost(LostAt(value - 1));
            _acknowledged = value;
            // A counter that began again has no time to live.
            if (value == 1)
                _expires = false;
            if (!_expires)
                _expires = await database.KeyExpireAsync(key, StackExchangeClient.TimeToLive).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _isTaken, 0);
        }
    }

    /// <summary>Runs what deletes the counter, and lets it expire, before it exists: without these rights it would stay.</summary>
    public async Task CheckRightsAsync(IDatabase database)
    {
        await database.KeyExpireAsync(key, StackExchangeClient.TimeToLive).ConfigureAwait(false);
        await database.StringGetAsync(key).ConfigureAwait(false);
        await database.KeyDeleteAsync(key).ConfigureAwait(false);
    }

    /// <summary>Reads the counter for the last time, and deletes it.</summary>
    /// <returns>How many acknowledged increments are lost.</returns>
    public async Task<long> DeleteAsync(IDatabase database)
    {
        // Both commands are sent in this order on one connection.
        var reading = database.StringGetAsync(key);
        var deleting = database.KeyDeleteAsync(key);
        var lost = LostAt((long)await reading.ConfigureAwait(false));
        await deleting.ConfigureAwait(false);
        return lost;
    }

    private long LostAt(long value) => value < _acknowledged ? _acknowledged - value : 0;
}
