using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Protocol;

/// <summary>A connection whose selected database is known. Each batch runs in the database that it is meant for, or not at all.</summary>
/// <remarks>
/// After a refused SELECT a server runs the commands that follow in the database that was selected before. So a batch is sent only after the reply to its
/// SELECT has been read, and no other batch comes between the two.
/// </remarks>
internal sealed class SelectingConnection(INodeConnection inner) : INodeConnection
{
    private readonly SemaphoreSlim _oneAtATime = new(1, 1);
    private int _selected;

    public NodeEndpoint Endpoint => inner.Endpoint;

    public bool IsUsable => inner.IsUsable;

    /// <summary>Sends to database 0. A batch of reads may select other databases itself if it checks the replies; the next batch starts in database 0 again.</summary>
    public Task<IReadOnlyList<RespValue>> SendAsync(IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation) =>
        SendAsync(0, commands, timeout, cancellation);

    /// <summary>The same connection for another database.</summary>
    public INodeConnection In(int database) => database == 0 ? this : new OtherDatabase(this, database);

    public void Dispose() => inner.Dispose();

    private async Task<IReadOnlyList<RespValue>> SendAsync(int database, IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation)
    {
        await _oneAtATime.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_selected != database)
            {
                await inner.SendAsync(RespCommand.Of("SELECT", database), cancellation).ConfigureAwait(false);
                _selected = database;
            }

            var replies = await inner.SendAsync(commands, timeout, cancellation).ConfigureAwait(false);
            for (var i = 0; i < commands.Count; i++)
            {
                if (!replies[i].IsError && DatabaseOf(commands[i]) is { } selected)
                    _selected = selected;
            }

            return replies;
        }
        finally
        {
            _oneAtATime.Release();
        }
    }

    private static int? DatabaseOf(RespCommand command) =>
        command.Arguments.Count == 2 && System.Text.Encoding.ASCII.GetString(command.Arguments[0]) == "SELECT"
            ? int.Parse(System.Text.Encoding.ASCII.GetString(command.Arguments[1]), NumberStyles.None, CultureInfo.InvariantCulture)
            : null;

    private sealed class OtherDatabase(SelectingConnection connection, int database) : INodeConnection
    {
        public NodeEndpoint Endpoint => connection.Endpoint;

        public bool IsUsable => connection.IsUsable;

        /// <exception cref="RedisServerException">The server refused SELECT. No command was sent.</exception>
        public Task<IReadOnlyList<RespValue>> SendAsync(IReadOnlyList<RespCommand> commands, TimeSpan? timeout, CancellationToken cancellation) =>
            connection.SendAsync(database, commands, timeout, cancellation);

        public void Dispose() => connection.Dispose();
    }
}
