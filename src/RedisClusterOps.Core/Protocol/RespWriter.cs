using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace RedisClusterOps.Protocol;

/// <summary>Writes commands as arrays of bulk strings, the one form every server reads.</summary>
/// <remarks>Small commands leave together; a large argument is not copied.</remarks>
internal sealed class RespWriter(Stream stream)
{
    private readonly byte[] _buffer = new byte[16 * 1024];
    private int _filled;

    /// <summary>Writes the commands and flushes them.</summary>
    public async Task WriteAsync(IReadOnlyList<RespCommand> commands, CancellationToken cancellation)
    {
        foreach (var command in commands)
        {
            await AppendAsync(Header('*', command.Arguments.Count), cancellation).ConfigureAwait(false);
            foreach (var argument in command.Arguments)
            {
                await AppendAsync(Header('$', argument.Length), cancellation).ConfigureAwait(false);
                await AppendAsync(argument, cancellation).ConfigureAwait(false);
                await AppendAsync(LineEnd, cancellation).ConfigureAwait(false);
            }
        }

        await FlushAsync(cancellation).ConfigureAwait(false);
        await stream.FlushAsync(cancellation).ConfigureAwait(false);
    }

    private static byte[] LineEnd { get; } = [(byte)'\r', (byte)'\n'];

    private static byte[] Header(char type, int count) =>
        Encoding.ASCII.GetBytes(type + count.ToString(CultureInfo.InvariantCulture) + "\r\n");

    private async Task AppendAsync(byte[] bytes, CancellationToken cancellation)
    {
        if (bytes.Length > _buffer.Length - _filled)
            await FlushAsync(cancellation).ConfigureAwait(false);
        if (bytes.Length > _buffer.Length)
        {
            await stream.WriteAsync(bytes, 0, bytes.Length, cancellation).ConfigureAwait(false);
            return;
        }

        Array.Copy(bytes, 0, _buffer, _filled, bytes.Length);
        _filled += bytes.Length;
    }

    private async Task FlushAsync(CancellationToken cancellation)
    {
        var length = _filled;
        _filled = 0;
        await stream.WriteAsync(_buffer, 0, length, cancellation).ConfigureAwait(false);
    }
}
