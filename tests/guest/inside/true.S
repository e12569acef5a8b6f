/* exit(0), in a file so small that thousands of copies cost nothing */
.globl _start
_start: mov $60,%eax
 xor %edi,%edi
 syscall
