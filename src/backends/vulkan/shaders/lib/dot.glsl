// The packed integer product: a.x * b.x + … of four signed bytes. The language has no name for it yet.
#ifndef VIVACE_DOT_GLSL
#define VIVACE_DOT_GLSL
#extension GL_EXT_spirv_intrinsics : require

spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [6018, 6019], id = 4450)
int packed_dot(int a, int b, spirv_literal int format);
#define DOT4(a, b) packed_dot(a, b, 0)
#endif
